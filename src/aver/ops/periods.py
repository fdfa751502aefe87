"""Sums over periods, as they are asked for at every look: what was read stays in memory, and only what has changed is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from aver.core.clock import Clock
from aver.ops.book import HOUR, MINUTE, SLOT, Book
from aver.ops.burning import events
from aver.ops.sums import Sums, add
from aver.ops.types import Objective
from aver.store import TenantStore

__all__ = ["FEATURES", "Periods"]

FEATURES = "feature:"
"""How the series of features begin; that of freshness is of no feature."""
_SLOTS = 5 * MINUTE
"""Seconds for which periods are told by ten seconds."""
_MINUTES = 6 * HOUR + 2 * MINUTE
"""Seconds for which periods are told by the minute; longer ones begin with a whole hour."""
_HOURS = 92 * 24 * HOUR
_QUIET = 10
"""Minutes without a bad event before which a run of them began."""


class Periods:
    """One tenant's, in one process. Not thread-safe."""

    def __init__(self, store: TenantStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._book = Book()
        self._revision = 0
        self._epoch = -1
        self._spans: dict[str, dict[int, dict[str, Sums]]] = {"s": {}, "m": {}, "h": {}}
        self._firsts: dict[str, datetime] = {}
        self._summed: dict[tuple[str, float], Sums] = {}
        self.now = datetime.fromtimestamp(0, UTC)

    def refresh(self) -> bool:
        """Read what has changed since; whether anything has."""
        self.now = self._clock.now()
        clock = int(self.now.timestamp())
        self._summed = {}
        with self._store.read() as tx:
            position = self._book.position(tx)
            if position.revision == self._revision:
                return False
            again = position.epoch != self._epoch
            for span, kept in (("s", 2 * _SLOTS), ("m", _MINUTES), ("h", _HOURS)):
                if again:
                    self._spans[span] = {}
                since = clock - kept
                for start, name, sums in self._book.rows(tx, span, since, 0 if again else self._revision):
                    self._spans[span].setdefault(start, {})[name] = sums
                self._spans[span] = {start: each for start, each in self._spans[span].items() if start >= since}
            self._firsts = self._book.series(tx)
        self._revision, self._epoch = position.revision, position.epoch
        return True

    def over(self, series: str, seconds: float, before: float = 0) -> Sums:
        """The sums of a series over so many seconds that end ``before`` seconds ago; ``feature:`` is that of all features together."""
        key = (f"{series}|{before}", seconds)
        if key not in self._summed:
            found: Sums = {}
            for _, several in self._within(seconds, before):
                for name in self._matching(series, several):
                    add(found, several[name])
            self._summed[key] = found
        return self._summed[key]

    def feature(self, feature: str, seconds: float) -> Sums:
        """As :data:`~aver.ops.burning.Summed`."""
        return self.over(FEATURES + feature, seconds)

    def names(self, kind: str) -> list[str]:
        """The series of a kind that were ever counted."""
        return sorted(name for name in self._firsts if name.startswith(f"{kind}:") and name != FEATURES)

    def first(self, series: str) -> datetime:
        """When a series was first counted."""
        return self._firsts[series]

    @property
    def beginning(self) -> datetime | None:
        """When anything was."""
        return min(self._firsts.values(), default=None)

    def slots(self, series: str, span: str) -> Iterator[tuple[int, Sums]]:
        """The slots of ten seconds (``s``), minutes (``m``) or hours (``h``) that are kept of a series, in order; those without anything are left out."""
        for start in sorted(self._spans[span]):
            several = self._spans[span][start]
            names = self._matching(series, several)
            if names:
                found: Sums = {}
                for name in names:
                    add(found, several[name])
                yield start, found

    def run(self, objective: Objective, seconds: float) -> tuple[datetime, datetime] | None:
        """The first and the last bad moment of the run that lasts until now, to the minute: before it, for ten minutes with events, the budget was not overspent."""
        first: int | None = None
        last: int | None = None
        clock, quiet = int(self.now.timestamp()), 0
        minutes = dict(self.slots(FEATURES + objective.feature, "m"))
        for start in range(clock // MINUTE * MINUTE, int(clock - min(seconds, _MINUTES)) - 1, -MINUTE):
            counted = events(objective, minutes.get(start, {}))
            if counted.rate > objective.budget:
                first, last, quiet = start, last or start + MINUTE, 0
            elif first is not None and counted.total:
                quiet += 1
                if quiet >= _QUIET:
                    break
        if first is None or last is None:
            return None

        def overspends(sums: Sums) -> bool:
            return events(objective, sums).rate > objective.budget

        since = self.began(FEATURES + objective.feature, overspends, first)
        return datetime.fromtimestamp(since, UTC), min(datetime.fromtimestamp(last, UTC), self.now)

    def began(self, series: str, bad: Callable[[Sums], bool], since: float) -> int:
        """The first ten seconds from ``since`` on that were bad, as far as these are still kept; else ``since`` itself."""
        if since < self.now.timestamp() - 2 * _SLOTS:
            return int(since)
        return next((start for start, sums in self.slots(series, "s") if start >= since and bad(sums)), int(since))

    def _within(self, seconds: float, before: float) -> Iterator[tuple[int, dict[str, Sums]]]:
        clock = int(self.now.timestamp())
        reach = seconds + before
        span, size = ("s", SLOT) if reach < _SLOTS else ("m", MINUTE) if reach <= 6 * HOUR else ("h", HOUR)
        first = int(clock - before - seconds) // size * size
        last = float("inf") if not before else int(clock - before) // size * size
        for start, several in self._spans[span].items():
            if first <= start < last:
                yield start, several

    @staticmethod
    def _matching(series: str, several: dict[str, Sums]) -> list[str]:
        if series == FEATURES:
            return [name for name in several if name.startswith(FEATURES)]
        return [series] if series in several else []
