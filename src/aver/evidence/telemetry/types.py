"""What leaves: spans of turns, events, and what measurements came to. Times are nanoseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from aver.evidence.telemetry.names import Attributes

__all__ = ["Event", "Points", "Severity", "Signal", "Span", "SpanKind", "SpanNote"]

Signal = Literal["traces", "metrics", "logs"]
SpanKind = Literal["internal", "client"]
Severity = Literal["debug", "info", "warn", "error"]


class SpanNote(NamedTuple):
    """Something within a span that took no time."""

    name: str
    at: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """A turn, a step of one, or a call by itself. ``error`` is the slug of what it ended with, if it failed."""

    tenant: str
    trace: bytes
    id: bytes
    parent: bytes
    name: str
    kind: SpanKind
    began: int
    ended: int
    attributes: Attributes
    notes: tuple[SpanNote, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log: a step that belongs to no turn, or what the server says of itself."""

    name: str
    at: int
    severity: Severity
    body: str
    attributes: Attributes = field(default_factory=dict)
    tenant: str = ""


class Points(NamedTuple):
    """One series of an instrument: under which attributes, and what it came to. ``counts`` has one place more than the instrument has
    bounds, and is empty for a counter."""

    attributes: Attributes
    total: float
    counts: tuple[int, ...]
