"""The families that the fake model server speaks, one module each with its ``VOICE``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from aver.testing.fakes.types import Voice

__all__ = ["voices"]

_FAMILIES = ("openai", "responses", "anthropic", "gemini", "bedrock", "cohere")


@cache
def voices() -> tuple[Voice, ...]:
    """Every family's voice. Where two serve the same path, the first has it."""
    names = [f"aver.testing.fakes.{family}" for family in _FAMILIES]
    return tuple(import_module(name).VOICE for name in names if find_spec(name))
