"""What a check is asked, what it says, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["STRICTNESS", "Check", "Detector", "Failing", "Finding", "Mode", "Outcome", "Place", "Verdict", "strictest"]

Outcome = Literal["pass", "flag", "redact", "block"]
"""From the mildest to the strictest; the strictest of several verdicts stands."""
STRICTNESS: dict[Outcome, int] = {"pass": 0, "flag": 1, "redact": 2, "block": 3}


def strictest(outcomes: Iterable[Outcome]) -> Outcome:
    """``pass`` where there are none."""
    return max(outcomes, key=STRICTNESS.__getitem__, default="pass")


Mode = Literal["observe", "flag", "redact", "block"]
"""What a tenant has follow when a check finds something: it is only put on record; it is shown; what was found is cut out; the text
goes no further."""

Failing = Literal["hold", "pass"]
"""What follows when a check cannot judge: the text is held as if something had been found, or goes on."""

Place = Literal["input", "passage", "arguments", "result", "output"]
"""Where in a turn a text stands: what a user wrote, what was retrieved, what a tool is given, what it returned, what is answered."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a text: ``kind`` in the detector's own words (``EMAIL_ADDRESS``, ``injection``), characters
    ``start`` to ``end``, and how sure the detector is, from 0 to 1."""

    kind: str
    start: int
    end: int
    score: float


class Detector(Protocol):
    """Finds things in a text. Pure: no I/O, no state between texts, safe to call from several threads."""

    @property
    def name(self) -> str: ...

    def find(self, text: str) -> Sequence[Finding]:
        """In order of ``start``; findings of one detector do not overlap."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check makes of one text: ``pass``, or anything else when it found something, whose consequence the tenant's mode
    decides. ``reason`` is for people and quotes nothing of the text."""

    check: str
    outcome: Outcome
    findings: Sequence[Finding] = ()
    reason: str = ""


class Check(Protocol):
    """Judges a text in one place of a turn. A detector becomes one with a mode; a moderation endpoint is one by itself."""

    name: str

    async def check(self, text: str, place: Place) -> Verdict:
        """Raises nothing that the text causes: a check that cannot judge says so with a typed error, and the tenant's
        declaration decides what that means."""
        ...
