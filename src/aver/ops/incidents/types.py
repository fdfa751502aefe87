"""An incident, what is told of it, and whom it touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aver.ops.types import Severity

__all__ = ["Affected", "Entry", "EntryKind", "Figures", "Incident", "Origin", "Status"]

Status = Literal["open", "mitigated", "resolved"]
"""``mitigated``: users are spared what happened. ``resolved``: it is understood, and done with."""
Origin = Literal["alert", "person", "report"]
EntryKind = Literal["change", "effect", "alert", "incident", "mitigation"]


@dataclass(frozen=True, slots=True)
class Incident:
    """``began`` is the first effect that can be seen, ``detected`` when it was opened."""

    id: str
    status: Status
    severity: Severity
    origin: Origin
    feature: str
    rule: str
    began: datetime
    detected: datetime
    mitigated: datetime | None = None
    resolved: datetime | None = None
    touched: datetime | None = None
    revision: int = 1
    title: str = ""
    """Read from evidence; empty where nobody asked for it."""

    @property
    def detection_seconds(self) -> float:
        """From the first effect to its detection."""
        return max((self.detected - self.began).total_seconds(), 0.0)

    @property
    def mitigation_seconds(self) -> float | None:
        """From its detection until users were spared it."""
        return None if self.mitigated is None else max((self.mitigated - self.detected).total_seconds(), 0.0)

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "severity": self.severity,
            "origin": self.origin,
            "feature": self.feature or None,
            "rule": self.rule or None,
            "began": self.began,
            "detected": self.detected,
            "mitigated": self.mitigated,
            "resolved": self.resolved,
            "detection_seconds": self.detection_seconds,
            "mitigation_seconds": self.mitigation_seconds,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline: a change of something, an effect that users had, an alert, or what people did. ``step`` is its place in the chain."""

    at: datetime
    kind: EntryKind
    what: str
    """``release``, ``provider``, ``policy``, ``price``, ``source`` ..."""
    said: str
    step: int | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Affected:
    """Whom it touched. ``people`` are told apart by the keys of their content, never by name."""

    turns: tuple[str, ...]
    """The ids of the first of them, oldest first."""
    count: int
    of: int
    """How many turns there were meanwhile."""
    people: int
    features: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of several incidents. Means in seconds; ``None`` where none tells."""

    incidents: int
    open: int
    mttd: float | None
    mttm: float | None
    reason: str = ""
    """Why there is none."""
