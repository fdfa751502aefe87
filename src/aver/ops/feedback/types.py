"""The words of triage: why a turn waits, and what may become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

__all__ = [
    "ACTS",
    "DISMISSALS",
    "SIGNALS",
    "WEIGHTS",
    "Act",
    "Became",
    "Cluster",
    "Dismissal",
    "Item",
    "Signal",
    "Words",
    "act_of",
    "signal_of",
]

Signal = Literal["ticket", "bad", "again", "unsupported", "sampled"]
SIGNALS: Mapping[Signal, str] = {
    "ticket": "a support ticket names it",
    "bad": "its asker did not find it helpful",
    "again": "it gave no answer, and was asked again",
    "unsupported": "a sentence of it has no support",
    "sampled": "it is one of a sample",
}
"""Why a turn waits."""
WEIGHTS: Mapping[Signal, int] = {"ticket": 50, "bad": 40, "again": 30, "unsupported": 20, "sampled": 1}
"""How bad each is. The worst of a turn's orders the queue, and each further one counts a little."""

Act = Literal["case", "seed", "incident", "document", "dismissed"]
ACTS: Mapping[Act, str] = {
    "case": "became a case to be labelled",
    "seed": "became a seed for the red team",
    "incident": "was reported as an incident",
    "document": "named a document to be mended",
    "dismissed": "was looked at and left as it is",
}
"""What becomes of a turn, in words that follow *it*."""

Dismissal = Literal["expected", "known", "outside", "unclear", "other"]
DISMISSALS: Mapping[Dismissal, str] = {
    "expected": "The answer is as it should be",
    "known": "It is known already",
    "outside": "Nothing here could answer it",
    "unclear": "It cannot be told what was meant",
    "other": "Another reason",
}
"""Why nothing is done about it."""


def signal_of(word: str) -> Signal | None:
    """``word``, where it is a signal."""
    return next((each for each in get_args(Signal) if each == word), None)


def act_of(word: str) -> Act | None:
    """``word``, where it is an act."""
    return next((each for each in get_args(Act) if each == word), None)


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a turn. ``of`` is the id of what was made, or the reason of a dismissal."""

    act: Act
    of: str
    at: datetime

    @property
    def words(self) -> str:
        return ACTS[self.act]


@dataclass(frozen=True, slots=True)
class Words:
    """What people wrote. Empty where it was erased, or whoever looks may not read it."""

    question: str = ""
    correction: str = ""
    comment: str = ""
    tickets: tuple[str, ...] = ()
    """The subject of each."""


@dataclass(frozen=True, slots=True)
class Item:
    """A turn that waits, or waited. ``reason`` is the one its asker gave."""

    turn: str
    at: datetime
    feature: str
    release: str
    signals: tuple[Signal, ...]
    reason: str
    waits: bool
    became: Became | None = None
    words: Words = Words()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Turns of the queue that ask about the same: the words that name it, and the turns, the worst first."""

    name: str
    turns: tuple[str, ...]
