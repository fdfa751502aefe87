"""Words written backwards and turned around again by direction marks, so that they read as ever (Boucher and Anderson, "Trojan Source:
Invisible Vulnerabilities", 2021)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator, outside_quotes

__all__ = ["BIDI"]

_RIGHT_TO_LEFT, _POP = "\u202e", "\u202c"
_WORD = re.compile(r"[A-Za-z]{4,}")
_TURNED = re.compile(f"{_RIGHT_TO_LEFT}([^{_POP}]*){_POP}")


def _apply(text: str, random: Random) -> tuple[str, ...]:
    def turned(match: re.Match[str]) -> str:
        return f"{_RIGHT_TO_LEFT}{match[0][::-1]}{_POP}" if random.random() < 0.6 else match[0]

    return (outside_quotes(text, lambda part: _WORD.sub(turned, part)),)


def _reveal(messages: Sequence[str]) -> str:
    return _TURNED.sub(lambda match: match[1][::-1], messages[-1])


BIDI = Mutator(
    "bidi",
    "unicode",
    "words backwards between marks that turn them around; a text with such marks of its own does not come back",
    _apply,
    _reveal,
    exact=False,
)
