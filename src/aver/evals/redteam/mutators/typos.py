"""Slips of the fingers: neighbouring letters exchanged, left out or doubled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator, outside_quotes

__all__ = ["TYPOS"]

_WORD = re.compile(r"[A-Za-z]{5,}")


def _apply(text: str, random: Random) -> tuple[str, ...]:
    def slipped(match: re.Match[str]) -> str:
        word = match[0]
        if random.random() > 0.4:
            return word
        at = random.randrange(1, len(word) - 2)
        return random.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[: at + 1] + word[at:],
            )
        )

    return (outside_quotes(text, lambda part: _WORD.sub(slipped, part)),)


def _reveal(messages: Sequence[str]) -> str:
    return messages[-1]


TYPOS = Mutator(
    "typos",
    "noise",
    "slips in some of the longer words. It cannot be undone: the number of words, their first letters and what stands between double quotes stay",
    _apply,
    _reveal,
    exact=False,
)
