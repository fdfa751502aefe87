"""What is promised, and what departs from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from aver.ops.mitigation.types import Mitigator

__all__ = [
    "WINDOWS",
    "Anomalies",
    "Departure",
    "Indicator",
    "Objective",
    "ObjectivesConfig",
    "Route",
    "RouteKind",
    "Severity",
    "Window",
]

Indicator = Literal["latency", "availability", "task_success", "groundedness", "safety", "freshness", "cost"]
Severity = Literal["page", "ticket", "notice"]
"""``page`` wakes somebody, ``ticket`` waits for the next working day, ``notice`` is worth knowing."""
RouteKind = Literal["webhook", "slack", "teams", "pagerduty", "email"]


@dataclass(frozen=True, slots=True)
class Window:
    """An alert on a burn rate: the budget is spent ``burn`` times as fast as it lasts for its period, over ``long`` and still over ``short`` seconds.

    The rates and windows are those of Google's "The Site Reliability Workbook" (2018, chapter 5, table 5-8) for a period of 30 days, with 1 and three days as its
    slowest pair.
    """

    burn: float
    long: float
    short: float
    severity: Severity


_HOUR = 3600.0
WINDOWS: tuple[Window, ...] = (
    Window(14.4, _HOUR, _HOUR / 12, "page"),
    Window(6.0, 6 * _HOUR, _HOUR / 2, "page"),
    Window(3.0, 24 * _HOUR, 2 * _HOUR, "ticket"),
    Window(1.0, 72 * _HOUR, 6 * _HOUR, "ticket"),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A part ``target`` of events has to be good, over ``period`` seconds. ``within`` is the threshold in seconds of latency and freshness, ``usd`` that of
    cost. Without ``feature``, all features together."""

    name: str
    indicator: Indicator
    target: float
    within: float | None = None
    usd: float | None = None
    feature: str = ""
    period: float = 30 * 86_400.0
    samples: int = 20
    """Events that the long window of an alert needs."""

    @property
    def budget(self) -> float:
        """The part of events that may be bad."""
        return 1 - self.target


@dataclass(frozen=True, slots=True)
class Anomalies:
    """What is watched without anybody having said what is right. ``leave_out`` are names of signals."""

    watch: bool = True
    leave_out: tuple[str, ...] = ()
    times: float = 2.0
    """How many times the usual something has to be, at least."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts are told. ``url``, ``key``, ``secret`` and ``password`` are references to secrets, never secrets themselves."""

    name: str
    kind: RouteKind
    url: str = ""
    key: str = ""
    secret: str = ""
    smtp: str = ""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    severity: tuple[Severity, ...] = ("page", "ticket")
    features: tuple[str, ...] = ()
    group: tuple[str, ...] = ("rule",)
    wait: float = 10.0
    """Seconds for which the first alert of a group waits for others."""
    interval: float = 300.0
    """Seconds between two messages of a group to which something was added."""
    repeat: float = 4 * 3600.0
    """Seconds after which a group that still stands is told again."""


@dataclass(frozen=True, slots=True)
class ObjectivesConfig:
    """The section ``objectives`` of a bundle."""

    slos: Mapping[str, Objective] = field(default_factory=dict)
    anomalies: Anomalies = field(default_factory=Anomalies)
    routes: Mapping[str, Route] = field(default_factory=dict)
    incidents: tuple[Severity, ...] = ("page",)
    """The severities of alerts that open an incident."""
    mitigations: Mapping[str, Mitigator] = field(default_factory=dict)
    """What is done of itself. An alert that something is done about opens an incident whatever its severity."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What is not as it should be at one look. ``rule`` and ``labels`` are what it is known by from look to look; ``figures`` are numbers."""

    rule: str
    severity: Severity
    labels: tuple[tuple[str, str], ...]
    said: str
    """In a sentence; it names nothing that is not declared or a name of a model, a tool, a feature or a key."""
    began: datetime | None = None
    figures: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def fingerprint(self) -> str:
        return "|".join((self.rule, self.severity, *(f"{name}={value}" for name, value in self.labels)))

    @property
    def feature(self) -> str:
        return dict(self.labels).get("feature", "")

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {"rule": self.rule, "severity": self.severity, **dict(self.labels), "said": self.said, **self.figures}
