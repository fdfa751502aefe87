"""Sandboxes of the levels that this machine has. A container may have the lower one alone: what it reports is tested there."""

import asyncio

import pytest

from aver.agents.sandbox import Sandbox, SandboxSettings, SandboxUnavailable


def _available():
    found = []
    for level in ("strict", "process"):
        sandbox = Sandbox(SandboxSettings(level))
        try:
            found.append(pytest.param((sandbox, asyncio.run(sandbox.probe())), id=level))
        except SandboxUnavailable as error:
            if "cannot hold the level 'strict'" not in error.cause:
                raise
    return found


@pytest.fixture(params=_available())
def place(request):
    """A sandbox, and what it says of itself."""
    return request.param


@pytest.fixture
def sandbox(place):
    return place[0]


@pytest.fixture
def holds(place):
    return place[1].holds
