"""An alert, and what is told of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aver.ops.types import Route, Severity

__all__ = ["Alert", "Changes", "Delivery", "Message", "Silence"]


@dataclass(frozen=True, slots=True)
class Alert:
    """A departure from when it was first seen until it was gone. ``seen`` is the last look at which it stood."""

    id: str
    rule: str
    severity: Severity
    labels: Mapping[str, str]
    said: str
    figures: Mapping[str, float]
    began: datetime
    fired: datetime
    seen: datetime
    resolved: datetime | None = None
    incident: str = ""

    @property
    def known(self) -> dict[str, str]:
        """What silences and routes know it by."""
        return {"rule": self.rule, "severity": self.severity, **self.labels}

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "id": self.id,
            "rule": self.rule,
            "severity": self.severity,
            "labels": self.labels,
            "said": self.said,
            "figures": self.figures,
            "began": self.began,
            "fired": self.fired,
            "seen": self.seen,
            "resolved": self.resolved,
            "incident": self.incident or None,
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look came to."""

    fired: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts of which nobody is told from ``since`` until ``until``: those whose labels all match, with ``*`` for anything."""

    id: str
    matches: Mapping[str, str]
    since: datetime
    until: datetime

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "matches": dict(self.matches), "since": self.since, "until": self.until}


@dataclass(frozen=True, slots=True)
class Message:
    """What a route is told of one group. ``id`` stays the same however often it is tried to be sent, ``thread`` from the first message of the group on."""

    id: str
    thread: str
    status: Literal["firing", "resolved"]
    severity: Severity
    tenant: str
    at: datetime
    standing: int
    """How many alerts of the group stand."""
    gone: int
    """How many were resolved since the last message."""
    alerts: tuple[Alert, ...]
    """The gravest of those that stand, and some of those that are gone, where none does."""
    group: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """In one line."""
        what = self.alerts[0].said if self.alerts else ""
        more = f" (and {self.standing - 1:,} more)" if self.standing > 1 else ""
        return f"[{self.status if self.status == 'resolved' else self.severity}] {self.tenant}: {what}{more}"

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "thread": self.thread,
            "status": self.status,
            "severity": self.severity,
            "tenant": self.tenant,
            "at": self.at.isoformat(),
            "title": self.title,
            "group": dict(self.group),
            "standing": self.standing,
            "gone": self.gone,
            "alerts": [
                {
                    "id": each.id,
                    **each.known,
                    "said": each.said,
                    "figures": dict(each.figures),
                    "began": each.began.isoformat(),
                    "fired": each.fired.isoformat(),
                    "resolved": each.resolved.isoformat() if each.resolved else None,
                    "incident": each.incident or None,
                }
                for each in self.alerts
            ],
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way. ``secrets`` are what the route refers to, by the names of its fields; each adapter has a ``send`` that takes one of these, and raises an
    :class:`~aver.core.errors.AverError` unless the far end says that it has it."""

    route: Route
    message: Message
    secrets: Mapping[str, str] = field(repr=False)
    now: datetime
