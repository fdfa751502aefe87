"""Which turns an incident is about, as the index tells them: those that ended in its time, of its feature, and departed as its rule says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aver.ops.alerts.types import Alert
from aver.ops.incidents.types import Incident
from aver.ops.signals import SIGNALS
from aver.ops.turns.describing import micros, microseconds, moment
from aver.ops.turns.types import TurnRow
from aver.ops.types import Indicator, Objective

__all__ = ["Departed", "belongs", "departed"]

_MARKS: Mapping[Indicator, str] = {
    "availability": "failed",
    "task_success": "unsuccessful",
    "groundedness": "unsupported",
    "safety": "unsafe",
}
_LEVELS = {"latency": ("micros", 1000.0), "cost": ("nano", 1.0), "tokens": ("tokens", 1.0)}
"""By the name of a level, the values that it is the level of, and what one of its units is of theirs."""
_ANY = ("failed", "unsuccessful", "unsafe", "unsupported")


@dataclass(frozen=True, slots=True)
class Departed:
    """One of ``marks``, or more than ``above`` of a value."""

    since: datetime
    until: datetime
    feature: str
    marks: tuple[str, ...] = ()
    value: str = ""
    above: float = 0.0


def departed(
    incident: Incident,
    until: datetime,
    objectives: Mapping[str, Objective],
    alerts: Sequence[Alert],
    times: float = 2.0,
) -> Departed:
    """As :func:`~aver.ops.incidents.affected.departs` has it, which reads the evidence itself."""
    whole = (incident.began, until, incident.feature)
    kind, _, name = incident.rule.partition(":")
    if kind == "burn" and name in objectives:
        objective = objectives[name]
        if objective.indicator == "latency":
            return Departed(*whole, value="micros", above=(objective.within or 0) * 1e6)
        if objective.indicator == "cost":
            return Departed(*whole, value="nano", above=(objective.usd or 0) * 1e9)
        return Departed(*whole, marks=(_MARKS.get(objective.indicator, "none"),))
    signal = SIGNALS.get(name) if kind == "anomaly" else None
    if signal is not None and signal.kind == "share" and signal.series == ("feature",):
        return Departed(*whole, marks=(signal.bad,))
    usual = next(
        (each.figures["usual"] for each in alerts if each.rule == incident.rule and "usual" in each.figures), 0.0
    )
    if signal is not None and signal.kind == "level" and usual > 0:
        value, unit = _LEVELS[signal.bad]
        return Departed(*whole, value=value, above=usual * times * unit)
    return Departed(*whole, marks=_ANY)


def belongs(row: TurnRow, departed: Departed) -> bool:
    """Whether one turn is one of them, as :class:`~aver.ops.turns.search.TurnSearch` finds them all."""
    within = microseconds(departed.since) <= moment(row.ended) <= microseconds(departed.until)
    if not within or departed.feature not in ("", row.feature):
        return False
    if not departed.value:
        return not set(departed.marks).isdisjoint(row.marks)
    return {"nano": row.nano, "tokens": row.tokens, "micros": micros(row.ms)}[departed.value] > departed.above
