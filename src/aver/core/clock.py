"""Time, injected: UTC for records, a monotonic counter for durations, and a clock that does not jump."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

__all__ = ["Clock", "SteadyClock", "SystemClock", "rfc3339"]

_SLACK = 2.0
"""Seconds that a clock may be put right by at once: whoever keeps time moves it by less."""
_HELD = 900.0
"""Seconds for which a jump is not followed. By then somebody knows, and a clock that was put right is to be believed."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for durations only."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)


class _Seen(NamedTuple):
    """The time as last believed, when that was by a counter that nobody sets, and since when the clock says otherwise."""

    wall: datetime
    at: float
    off_since: float | None = None


def _since_boot() -> float:
    """Seconds, those included for which the machine slept, where the system tells."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """A clock that follows another, except where that jumps: then it goes on as seconds pass, for a quarter of an hour, after which the other
    is believed. Records, ends of keys and budgets are kept from a clock that is off meanwhile. Thread-safe.

    ``elapsed`` counts seconds, whatever anybody sets the clock to.
    """

    def __init__(self, clock: Clock, elapsed: Callable[[], float] = _since_boot) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._seen = _Seen(clock.now(), elapsed())

    def now(self) -> datetime:
        return self._look()[0]

    def monotonic(self) -> float:
        return self._clock.monotonic()

    @property
    def offset(self) -> float:
        """Seconds by which the clock that is followed is ahead, while it is not believed; 0 while it is."""
        return self._look()[1]

    def _look(self) -> tuple[datetime, float]:
        seen, at, wall = self._seen, self._elapsed(), self._clock.now()
        expected = seen.wall + timedelta(seconds=at - seen.at)
        offset = (wall - expected).total_seconds()
        # Each is replaced as a whole, by whoever comes last: what all of them saw is the same time.
        if abs(offset) <= _SLACK:
            self._seen = _Seen(wall, at)
            return wall, 0.0
        if seen.off_since is None:
            self._seen = _Seen(expected, at, at)
        elif at - seen.off_since >= _HELD:
            self._seen = _Seen(wall, at)
            return wall, 0.0
        return expected, offset


def rfc3339(moment: datetime) -> str:
    """``2026-02-03T04:05:06.789012Z``: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
