"""A turn as a story: its steps as plain sentences in time, each with its exact record, and the seal at the foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aver.core.clock import rfc3339
from aver.evidence.types import Step
from aver.server.console.knowledge import span
from aver.server.story import tell
from aver.server.wire import to_json

__all__ = ["Moment", "Story", "story"]


_LATER = 100
"""Seconds from which hundredths say nothing."""
_TAKES_TIME = ("retrieved", "generated", "called", "verified")
"""Steps whose ``ms`` is their own; on the later ones it is the whole turn's. A call of a turn that says what was written by it is told by that."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A step to show. ``share`` is how much of the turn's time it took and ``money`` how much of its cost, in per cent, 0 where that is not known."""

    seq: int
    kind: str
    at: str
    since: str
    sentence: str
    share: float
    record: str
    money: float = 0.0
    nano: int = 0
    """In 10⁻⁹ US dollars."""


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
    timed = {step.seq: _duration(step) for step in steps}
    if any(step.kind == "generated" for step in steps):
        timed |= {step.seq: 0.0 for step in steps if step.kind == "called"}
    ended = next(
        (step.at for step in steps if step.kind in ("sealed", "failed")), last.at
    )  # feedback may follow days later
    told = (_number(step.facts.get("ms")) for step in steps if step.kind in ("responded", "failed"))
    whole = max((ended - begin).total_seconds() * 1000, *timed.values(), *told, 1e-9)
    spent = sum(map(_cost, steps))
    moments = tuple(
        Moment(
            seq=step.seq,
            kind=step.kind,
            at=rfc3339(step.at),
            since=_since(begin, step.at),
            sentence=moment.sentence,
            share=round(100 * timed[step.seq] / whole, 2),
            record=to_json(step, indent=True).decode(),
            money=round(100 * _cost(step) / spent, 2) if spent else 0.0,
            nano=_cost(step),
        )
        for step, moment in zip(steps, tell(steps), strict=True)
    )
    sealed = next((step for step in steps if step.kind == "sealed"), None)
    return Story(question, moments, sealed.seq if sealed else 0, (sealed or last).hash, back)


def _duration(step: Step) -> float:
    """Milliseconds that a step took, 0 when it does not say."""
    return _number(step.facts.get("ms")) if step.kind in _TAKES_TIME else 0.0


def _cost(step: Step) -> int:
    """In 10⁻⁹ US dollars."""
    return int(_number(step.facts.get("nano_usd"))) if step.kind == "called" else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _since(begin: datetime, at: datetime) -> str:
    """How long after the beginning; the beginning itself by the clock."""
    seconds = (at - begin).total_seconds()
    return f"{at:%H:%M:%S}" if at == begin else f"+{seconds:.2f} s" if seconds < _LATER else f"+{span(seconds)}"
