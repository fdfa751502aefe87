"""The windows of time that a budget's limit is for: minutes, hours, days and months of UTC, or all time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from aver.core.clock import rfc3339
from aver.gateway.config.types import Period

__all__ = ["Window", "window"]

_LENGTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_NAMES = {"minute": "%Y-%m-%dT%H:%M", "hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until just before ``end``, both in seconds of Unix time."""

    name: str
    start: float
    end: float
    expires: str
    """RFC 3339: its record is kept for as long again as it lasted, and a day, for calls that end late."""

    @property
    def end_text(self) -> str:
        """``2026-12-01T00:00:00Z``; a window without an end has none."""
        return datetime.fromtimestamp(self.end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if self.end != inf else ""


def window(period: Period, at: float) -> Window:
    """The window of ``period`` that the moment ``at`` (Unix time) is in."""
    if period == "ever":
        return Window("ever", -inf, inf, rfc3339(datetime.max.replace(tzinfo=UTC)))
    moment = datetime.fromtimestamp(at, UTC).replace(second=0, microsecond=0)
    if period != "minute":
        moment = moment.replace(minute=0)
    if period in ("day", "month"):
        moment = moment.replace(hour=0)
    if period == "month":
        moment = moment.replace(day=1)
        end = (moment + timedelta(days=31)).replace(day=1)
    else:
        end = moment + _LENGTHS[period]
    expires = end + (end - moment) + _KEPT
    return Window(moment.strftime(_NAMES[period]), moment.timestamp(), end.timestamp(), rfc3339(expires))
