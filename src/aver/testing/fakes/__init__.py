"""The families that the fake model server speaks, one module each with its ``VOICE``."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from aver.testing.fakes.types import Voice

__all__ = ["voices"]

_FAMILIES = ("openai", "responses", "anthropic", "gemini", "bedrock", "cohere")


@cache
def voices() -> tuple[Voice, ...]:
    """Every family's voice. Where two serve the same path, the first has it."""
    return tuple(import_module(f"aver.testing.fakes.{family}").VOICE for family in _FAMILIES)
