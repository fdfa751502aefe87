"""Sandboxes of the levels that this machine has. A container may have the lower one alone: what it reports is tested there."""

import asyncio
import contextlib

import pytest

from aver.agents.sandbox import Sandbox, SandboxSettings, SandboxUnavailable


def _available():
    found = []
    for level in ("strict", "process"):
        with contextlib.suppress(SandboxUnavailable):
            sandbox = Sandbox(SandboxSettings(level))
            found.append(pytest.param((sandbox, asyncio.run(sandbox.probe()).holds), id=level))
    return found


@pytest.fixture(params=_available())
def place(request):
    """A sandbox, and what it says that it holds."""
    return request.param


@pytest.fixture
def sandbox(place):
    return place[0]


@pytest.fixture
def holds(place):
    return place[1]
