"""Budgets and how fast they burn: pure, over sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aver.evals.statistics.intervals import wilson
from aver.ops.sums import Sums, over
from aver.ops.types import WINDOWS, Departure, Indicator, Objective, Window

__all__ = ["Burn", "Events", "Standing", "departures", "events", "standing"]

_LEAST_BAD = 3
"""Bad events that a short window needs: one that failed by itself at night is nobody's page."""
_RECENT = 120.0
"""Seconds that show whether it is over already: where their rate is certainly below the threshold, the alert does not stand, however long its windows remember."""
_CONFIDENCE = 0.90
"""Of the interval whose lower end the long window's rate has to be above the threshold with: a budget that is burnt at just its rate would else be alerted on
every other day, by chance."""


class Events(NamedTuple):
    """How many there were, and how many of them were bad. Either may be a fraction, where a threshold lies within a bucket."""

    bad: float
    total: float

    @property
    def rate(self) -> float:
        return self.bad / self.total if self.total else 0.0


def events(objective: Objective, sums: Mapping[str, float]) -> Events:
    """What ``sums`` hold of an objective.

    =============  ==========================================  =============================================
    indicator      events                                      bad
    =============  ==========================================  =============================================
    availability   turns and calls that ended                  those that failed
    latency        answers                                     those that took longer than ``within``
    task_success   turns that ended                            failed, abstained, or left an effect undecided
    groundedness   sentences that claim something              those that nothing cited supports
    safety         turns                                       a check found something in what a model made, or did not work
    freshness      minutes of each source                      those at which it lagged more than ``within``
    cost           turns and calls that asked a model          those that cost more than ``usd``
    =============  ==========================================  =============================================
    """
    if objective.indicator in _OVER:
        name, threshold = _OVER[objective.indicator]
        return Events(*over(sums, name, threshold(objective)))
    bad, of = _PARTS[objective.indicator]
    return Events(sums.get(bad, 0), sums.get(of, 0))


_PARTS: dict[Indicator, tuple[str, str]] = {
    "availability": ("failed", "ended"),
    "task_success": ("unsuccessful", "ended"),
    "groundedness": ("unsupported", "claims"),
    "safety": ("unsafe", "turns"),
}
_OVER: dict[Indicator, tuple[str, Callable[[Objective], float]]] = {
    "latency": ("latency_ms", lambda objective: (objective.within or 0) * 1000),
    "freshness": ("lag", lambda objective: objective.within or 0),
    "cost": ("cost_nano", lambda objective: (objective.usd or 0) * 1e9),
}


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast a budget burns over the two windows of an alert; ``holds`` where the alert stands."""

    window: Window
    long: Events
    short: Events
    holds: bool

    def rates(self, objective: Objective) -> tuple[float, float]:
        """How many times as fast as the budget lasts, over the long window and the short one."""
        return self.long.rate / objective.budget, self.short.rate / objective.budget


@dataclass(frozen=True, slots=True)
class Standing:
    """How an objective stands over its period. ``left`` is the part of the budget that is left, below zero when it is overspent; ``None`` with no events."""

    objective: Objective
    events: Events
    burns: tuple[Burn, ...]

    @property
    def value(self) -> float | None:
        """The part of events that were good."""
        return 1 - self.events.rate if self.events.total else None

    @property
    def left(self) -> float | None:
        return 1 - self.events.rate / self.objective.budget if self.events.total else None

    @property
    def reason(self) -> str:
        """Why there is no value."""
        return (
            "" if self.events.total else f"no data yet: nothing that {self.objective.indicator} is read of was recorded"
        )

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        objective = self.objective
        return {
            "name": objective.name,
            "indicator": objective.indicator,
            "feature": objective.feature or None,
            "target": objective.target,
            "within": objective.within,
            "usd": objective.usd,
            "period_seconds": objective.period,
            "value": self.value,
            "bad": round(self.events.bad, 3),
            "events": round(self.events.total, 3),
            "budget_left": self.left,
            "reason": self.reason or None,
            "burn_rates": [
                {
                    "burn": burn.window.burn,
                    "severity": burn.window.severity,
                    "long_seconds": burn.window.long,
                    "short_seconds": burn.window.short,
                    "long": round(burn.rates(objective)[0], 4),
                    "short": round(burn.rates(objective)[1], 4),
                    "events": round(burn.long.total, 3),
                    "holds": burn.holds,
                }
                for burn in self.burns
            ],
        }


Summed = Callable[[str, float], Sums]
"""The sums of a feature, or of all features for no name, over the last so many seconds."""


def standing(objective: Objective, summed: Summed) -> Standing:
    """How an objective stands now."""
    burns = tuple(_burn(objective, window, summed) for window in WINDOWS)
    return Standing(objective, events(objective, summed(objective.feature, objective.period)), burns)


def _burn(objective: Objective, window: Window, summed: Summed) -> Burn:
    long = events(objective, summed(objective.feature, window.long))
    short = events(objective, summed(objective.feature, window.short))
    # Beyond a rate of 1 nothing can burn: an objective with a wide budget is alerted on by its slower windows alone.
    threshold = window.burn * objective.budget
    enough = long.total >= objective.samples and short.bad >= min(_LEAST_BAD, objective.samples)
    recent = events(objective, summed(objective.feature, _RECENT))
    over_already = recent.total > 0 and wilson(recent.rate, recent.total, _CONFIDENCE)[1] < threshold
    certain = enough and wilson(long.rate, long.total, _CONFIDENCE)[0] > threshold
    holds = certain and short.rate > threshold and not over_already
    return Burn(window, long, short, holds)


Run = Callable[[Objective, float], "tuple[datetime, datetime] | None"]
"""When the first and the last bad events of the current run of them were, looking back so many seconds."""


def departures(found: Standing, run: Run, now: datetime) -> list[Departure]:
    """What is to be alerted on: the fastest of the windows that hold."""
    objective = found.objective
    holding = [burn for burn in found.burns if burn.holds]
    if not holding:
        return []
    worst = holding[0]
    long, short = worst.rates(objective)
    feature = (("feature", objective.feature),) if objective.feature else ()
    labels = (*feature, ("objective", objective.name))
    of = f" of {objective.feature}" if objective.feature else ""
    said = (
        f"{objective.name}: {objective.indicator.replace('_', ' ')}{of} is {_percent(1 - worst.short.rate)} over {_span(worst.window.short)} and "
        f"{_percent(1 - worst.long.rate)} over {_span(worst.window.long)}, of {_percent(objective.target)} promised; "
        f"its budget burns {long:.1f} times as fast as it lasts"
    )
    figures = {
        "burn_long": round(long, 3),
        "burn_short": round(short, 3),
        "bad": round(worst.short.bad, 2),
        "events": round(worst.short.total, 2),
        "left": round(found.left or 0.0, 4),
    }
    first, last = run(objective, worst.window.long) or (now - timedelta(seconds=worst.window.short), now)
    figures["last"] = last.timestamp()
    return [Departure(f"burn:{objective.name}", worst.window.severity, labels, said, first, figures)]


def _percent(share: float) -> str:
    return f"{max(share, 0) * 100:.4g} %"


def _span(seconds: float) -> str:
    for size, word in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds / size)} {word}"
    return f"{seconds:g} s"
