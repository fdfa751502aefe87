"""ASCII in the full width that East Asian typesetting has for it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator, outside_quotes

__all__ = ["FULLWIDTH"]

_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F) if chr(code) != '"'}
_NARROW = {wide: code for code, wide in _WIDE.items()}


def _apply(text: str, _: Random) -> tuple[str, ...]:
    return (outside_quotes(text, lambda part: part.translate(_WIDE)),)


def _reveal(messages: Sequence[str]) -> str:
    return outside_quotes(messages[-1], lambda part: part.translate(_NARROW))


FULLWIDTH = Mutator(
    "fullwidth",
    "unicode",
    "ASCII in full width; full width of the text's own comes back as ASCII",
    _apply,
    _reveal,
    exact=False,
)
