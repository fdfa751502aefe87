"""Characters that take no room, between letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator

__all__ = ["ZERO_WIDTH"]

_UNSEEN = "\u200b\u200c\u2060\ufeff"
_STRIPPED = re.compile(f"[{_UNSEEN}]")


def _apply(text: str, random: Random) -> tuple[str, ...]:
    put = (f"{char}{random.choice(_UNSEEN)}" if char.isalpha() and random.random() < 0.5 else char for char in text)
    return ("".join(put),)


def _reveal(messages: Sequence[str]) -> str:
    return _STRIPPED.sub("", messages[-1])


ZERO_WIDTH = Mutator(
    "zero-width",
    "unicode",
    "unseen characters within words; a text that has some of its own loses them",
    _apply,
    _reveal,
    exact=False,
)
