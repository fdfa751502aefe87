"""Digits in place of the letters that they look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator, outside_quotes

__all__ = ["LEETSPEAK"]

_DIGITS = str.maketrans("aeiostAEIOST", "431057431057")
_LETTERS = str.maketrans("431057", "aeiost")
_WORD = re.compile(r"[A-Za-z]+")
_SPELT = re.compile(r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]+")


def _apply(text: str, _: Random) -> tuple[str, ...]:
    return (outside_quotes(text, lambda part: _WORD.sub(_spelt, part)),)


def _spelt(match: re.Match[str]) -> str:
    """Of a word all but its first letter, so that it stays a word and no number."""
    word = match[0]
    return word[0] + word[1:].translate(_DIGITS)


def _reveal(messages: Sequence[str]) -> str:
    return outside_quotes(messages[-1], lambda part: _SPELT.sub(lambda match: match[0].translate(_LETTERS), part))


LEETSPEAK = Mutator(
    "leetspeak",
    "encoding",
    "digits in place of letters, after the first of each word; words that have digits of their own cannot be told from disguised ones",
    _apply,
    _reveal,
    exact=False,
)
