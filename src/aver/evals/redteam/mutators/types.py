"""A way to disguise what an attacker writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

__all__ = ["Kind", "Mutator", "folded", "outside_quotes"]

Kind = Literal["encoding", "language", "wrapper", "unicode", "noise", "turns"]


@dataclass(frozen=True, slots=True)
class Mutator:
    """``apply`` makes of a text the messages that carry it, in order, of which the last is the one that asks; the same text and the same state
    of ``random`` give the same messages. ``reveal`` is what somebody reads who undoes it.

    ``exact``: the text that comes back is the very text, for every text. Otherwise it is the text as :func:`folded` has it, within
    ``about``'s limits. Whatever stands between double quotes is never changed but by what ``reveal`` undoes exactly: there an attack's
    marks are.
    """

    name: str
    kind: Kind
    about: str
    apply: Callable[[str, Random], tuple[str, ...]]
    reveal: Callable[[Sequence[str]], str]
    exact: bool = True


def folded(text: str) -> str:
    """The letters and digits of a text, without case: what is left of it through disguises that lose spaces, case or punctuation."""
    return "".join(char for char in text.casefold() if char.isalnum())


def outside_quotes(text: str, change: Callable[[str], str]) -> str:
    """``text`` with ``change`` made to everything that stands outside of double quotes; an opening quote that none closes quotes nothing."""
    parts = text.split('"')
    closed = len(parts) - (len(parts) % 2 == 0)
    return '"'.join(part if at % 2 and at < closed else change(part) for at, part in enumerate(parts))
