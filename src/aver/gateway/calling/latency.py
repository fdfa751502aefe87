"""How long a model took lately."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

__all__ = ["Latency"]

_RECENT = 256
_LEAST = 16
"""Times below which a quantile would be a guess."""
_WEIGHT = 0.1
"""Of the newest time in the mean."""


class Latency:
    """The last times in seconds, their quantiles exact, and their exponentially weighted mean."""

    __slots__ = ("_recent", "_sorted", "mean")

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.mean: float | None = None
        """``None`` before the first."""

    def add(self, seconds: float) -> None:
        self.mean = seconds if self.mean is None else self.mean + _WEIGHT * (seconds - self.mean)
        self._recent.append(seconds)
        insort(self._sorted, seconds)
        if len(self._recent) > _RECENT:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]

    def quantile(self, share: float) -> float | None:
        """The time that ``share`` of the recent ones did not exceed; ``None`` while there are too few."""
        count = len(self._sorted)
        return self._sorted[min(count - 1, int(share * count))] if count >= _LEAST else None
