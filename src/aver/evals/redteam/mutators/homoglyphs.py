"""Letters of other alphabets that look like Latin ones (https://www.unicode.org/Public/security/latest/confusables.txt)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from aver.evals.redteam.mutators.types import Mutator, outside_quotes

__all__ = ["HOMOGLYPHS"]

_LOOK = dict(
    zip(
        "aceopxysijABCEHKMOPTXY",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0455\u0456\u0458\u0410\u0412\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425\u03a5",
        strict=True,
    )
)
_BACK = str.maketrans({look: letter for letter, look in _LOOK.items()})


def _apply(text: str, random: Random) -> tuple[str, ...]:
    def change(part: str) -> str:
        return "".join(_LOOK[char] if char in _LOOK and random.random() < 0.6 else char for char in part)

    return (outside_quotes(text, change),)


def _reveal(messages: Sequence[str]) -> str:
    return outside_quotes(messages[-1], lambda part: part.translate(_BACK))


HOMOGLYPHS = Mutator(
    "homoglyphs",
    "unicode",
    "about half of the letters from Cyrillic and Greek; a text that is in those alphabets already does not come back",
    _apply,
    _reveal,
    exact=False,
)
