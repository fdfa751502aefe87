"""A figure that an organisation steers by: what it is, what it came to, and what it is measured from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from aver.ops.sums import Sums

__all__ = [
    "GROUPS",
    "Better",
    "Component",
    "Exposure",
    "Figure",
    "Group",
    "Kept",
    "Kpi",
    "Lack",
    "Measured",
    "Method",
    "Occurred",
    "Point",
    "Scorecard",
    "Shipped",
    "Standing",
    "Stretch",
    "Trend",
    "Unit",
    "Wanted",
]

Group = Literal["quality", "use", "safety", "cost", "speed", "operations", "assets"]
GROUPS: Mapping[Group, str] = {
    "quality": "Quality",
    "use": "Use",
    "safety": "Safety",
    "cost": "Cost",
    "speed": "Speed",
    "operations": "Operations",
    "assets": "Assets",
}
Unit = Literal["share", "USD", "tasks", "seconds", "days", "per 1,000 answers", "incidents", "documents"]
"""``share`` is from 0 to 1; ``tasks`` are successful ones for each million of tokens."""
Better = Literal["more", "less"]
Method = Literal["wilson", "student", "order", "counted", "too few"]
"""How far chance may have moved it: an interval of a proportion, of a mean, of a quantile; ``counted`` where all there is was counted, and chance has no part;
``too few`` for an interval."""
Standing = Literal["met", "missed", "undecided", "no target", "no data"]
"""``undecided``: the target lies within the interval, or there is too little for one."""
Trend = Literal["better", "worse", "steady", "unknown"]
"""``steady``: no change beyond chance. ``unknown``: there is nothing to hold it against, or too little."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of ``n`` with the ends of its 95 % interval; ``note`` says what of it was chosen, such as the ``k``."""

    value: float
    low: float | None
    high: float | None
    n: float
    method: Method
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lack:
    """Why there is no value, in words that follow "no data yet, because", and what to do."""

    because: str
    todo: str


@dataclass(frozen=True, slots=True)
class Component:
    """Something that features are made of, with the features that use it. ``kind``: prompt, tool, policy, dataset, source."""

    kind: str
    name: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shipped:
    """A release, with the features that it holds and when gates passed it."""

    digest: str
    created: datetime
    features: frozenset[str]
    passed: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposure:
    """A release met users, all of them or those that a rollout gave it, until ``end``. ``back``: somebody, or the rollout, went back from it."""

    digest: str
    at: datetime
    end: datetime | None
    back: bool
    whole: bool = True
    """Whether an environment was pointed to it; else it was a rollout's."""


@dataclass(frozen=True, slots=True)
class Occurred:
    """What the scorecard knows of an incident."""

    feature: str
    detected: datetime
    detection_seconds: float | None
    """``None`` where a person opened it: what a person opens says itself when it began."""
    mitigation_seconds: float | None
    quality: bool
    """Whether it is about what is answered: task success, groundedness, refusals."""
    unsupported: bool
    """Whether it is about claims that nothing supports."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands beside evidence, as of now: how many people and documents there are, and what features are made of and were shipped as."""

    people: int = 0
    documents: int = 0
    components: tuple[Component, ...] = ()
    features: frozenset[str] = frozenset()
    releases: tuple[Shipped, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    """Oldest first."""
    incidents: tuple[Occurred, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Empty strings are all; ``period`` ends now."""

    feature: str = ""
    release: str = ""
    """A digest, or its first characters."""
    period: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Everything known of a stretch of time, as far as it is of what is wanted."""

    since: datetime
    until: datetime
    wanted: Wanted
    card: Sums = field(default_factory=dict)
    tests: Sums = field(default_factory=dict)
    tenant: Sums = field(default_factory=dict)
    people: frozenset[str] = frozenset()
    everyone: frozenset[str] = frozenset()
    """As :attr:`people`, whatever the feature and the release."""
    turns: Mapping[str, float] = field(default_factory=dict)
    """Turns by the release that answered."""
    after: float = 0
    """By how much the number of documents has grown since ``until``."""
    tested: frozenset[str] = frozenset()
    """Releases that were ever evaluated."""
    kept: Kept = field(default_factory=Kept)


Measure = Callable[[Stretch], "Measured | Lack"]


@dataclass(frozen=True, slots=True)
class Kpi:
    """What is measured. ``about`` is its definition in a sentence, ``over`` and ``under`` are the numerator and the denominator, as exact as words are."""

    name: str
    """As people call it."""
    group: Group
    about: str
    over: str
    under: str
    unit: Unit
    better: Better
    measure: Measure
    target: float | None = None
    """Where nothing is declared; ``None`` for none."""
    monthly: bool = False
    """Whether a target is for 30 days, and is held against as much of it as the period has."""
    grows: bool = False
    """Whether it grows with time, so that a part of a period that has not ended says nothing yet."""
    door: str = "/turns"
    """The page that has what is behind it."""
    ask: Mapping[str, str] = field(default_factory=dict)
    """What that page is to show."""
    words: str = "turns"
    """What is behind it, by name."""
    by: frozenset[Literal["feature", "release"]] = frozenset({"feature", "release"})
    """What it is told apart by; asked for something else, it is that of all."""
    now: bool = False
    """Whether it is known as of now alone, without a past."""

    @property
    def key(self) -> str:
        """As the bundle declares its target."""
        return self.name.lower().replace(" ", "_").replace("@k", "_at_k")


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a part of the period, which begins ``at``; ``None`` where there is none."""

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    n: float = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A KPI as it stands. ``before`` is its value in the period before, ``change`` what it changed by since."""

    kpi: Kpi
    found: Measured | Lack
    target: float | None
    standing: Standing
    before: float | None
    change: float | None
    trend: Trend
    series: tuple[Point, ...]
    address: str
    """Of what is behind it."""
    narrowed: bool
    """Whether it is of the feature and the release that were asked for; else of all."""

    @property
    def value(self) -> float | None:
        return self.found.value if isinstance(self.found, Measured) else None

    @property
    def reason(self) -> str:
        """Why there is no value; empty where there is one."""
        return f"no data yet, because {self.found.because}" if isinstance(self.found, Lack) else ""

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        kpi, found = self.kpi, self.found
        measured = found if isinstance(found, Measured) else None
        return {
            "name": kpi.name,
            "value": self.value,
            "target": self.target,
            "reason": self.reason or None,
            "key": kpi.key,
            "group": kpi.group,
            "unit": kpi.unit,
            "better": kpi.better,
            "standing": self.standing,
            "low": measured.low if measured else None,
            "high": measured.high if measured else None,
            "sample": measured.n if measured else 0,
            "method": measured.method if measured else None,
            "note": measured.note or None if measured else None,
            "todo": found.todo if isinstance(found, Lack) else None,
            "before": self.before,
            "change": self.change,
            "trend": self.trend,
            "series": [
                {"at": each.at, "value": each.value, "low": each.low, "high": each.high, "sample": each.n}
                for each in self.series
            ],
            "behind": self.address,
            "narrowed": self.narrowed,
            "definition": kpi.about,
            "numerator": kpi.over,
            "denominator": kpi.under,
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All figures of a tenant over a period. ``marks`` are the moments at which another release was put in force, with its digest."""

    tenant: str
    wanted: Wanted
    since: datetime
    until: datetime
    figures: tuple[Figure, ...]
    marks: tuple[tuple[datetime, str], ...] = ()
    features: tuple[str, ...] = ()
    """Those that anything was counted of."""
    releases: tuple[str, ...] = ()
    """The beginnings of the digests of those that answered, the newest first."""

    def record(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "feature": self.wanted.feature or None,
            "release": self.wanted.release or None,
            "since": self.since,
            "until": self.until,
            "kpis": [each.record() for each in self.figures],
            "releases": [{"at": at, "release": digest} for at, digest in self.marks],
        }
