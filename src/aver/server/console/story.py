"""A turn as a story: its steps as plain sentences in time, each with its exact record, and the seal at the foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aver.core.clock import rfc3339
from aver.evidence.types import Step
from aver.server.story import tell
from aver.server.wire import to_json

__all__ = ["Moment", "Story", "story"]


_TAKES_TIME = ("retrieved", "generated", "verified")
"""Steps whose ``ms`` is their own; on the later ones it is the whole turn's."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A step to show. ``share`` is how much of the turn's time it took, in per cent, 0 where that is not known."""

    seq: int
    kind: str
    at: str
    since: str
    sentence: str
    share: float
    record: str


@dataclass(frozen=True, slots=True)
class Story:
    """``sealed`` is the place in the chain of the record that sealed the turn, 0 while it is open; ``hash`` is that record's, or the
    last's."""

    question: str
    moments: tuple[Moment, ...]
    sealed: int
    hash: str
    back: str


def story(steps: Sequence[Step], *, question: str, back: str) -> Story:
    """The story of the steps of one turn, of which there is at least one."""
    begin, last = steps[0].at, steps[-1]
    whole = max((last.at - begin).total_seconds() * 1000, *map(_duration, steps), 1e-9)
    moments = tuple(
        Moment(
            seq=step.seq,
            kind=step.kind,
            at=rfc3339(step.at),
            since=_since(begin, step.at),
            sentence=moment.sentence,
            share=round(100 * _duration(step) / whole, 2),
            record=to_json(step, indent=True).decode(),
        )
        for step, moment in zip(steps, tell(steps), strict=True)
    )
    sealed = next((step for step in steps if step.kind == "sealed"), None)
    return Story(question, moments, sealed.seq if sealed else 0, (sealed or last).hash, back)


def _duration(step: Step) -> float:
    """Milliseconds that a step took, 0 when it does not say."""
    took = step.facts.get("ms") if step.kind in _TAKES_TIME else None
    return float(took) if isinstance(took, int | float) else 0.0


def _since(begin: datetime, at: datetime) -> str:
    """How long after the beginning; the beginning itself by the clock."""
    return f"{at:%H:%M:%S}" if at == begin else f"+{(at - begin).total_seconds():.2f} s"
