"""Sums over a stretch of time, slot by slot, as pages draw them: read from what is kept by the minute, the hour and the day, whatever evidence there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from aver.ops.book import DAY, HOUR, MINUTE, Book
from aver.ops.sums import Sums, add
from aver.store import TenantStore

__all__ = ["Trends", "trends"]

_SLOTS = 48
"""Slots into which a stretch is cut at most, about: as many as a line that is as wide as a hand can show."""
_SIZES = (
    *(MINUTE, 5 * MINUTE, 15 * MINUTE),
    *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 3 * DAY, 7 * DAY, 14 * DAY),
)
_SPANS = ((6 * HOUR, "m", MINUTE), (8 * DAY, "h", HOUR), (float("inf"), "d", DAY))
"""Up to how many seconds a stretch is read from which sums, and what these are of; it begins with a whole one."""


@dataclass(frozen=True, slots=True)
class Trends:
    """Sums of several series. ``starts`` are the moments at which slots of ``size`` seconds begin, those without anything among them; ``counted`` is the latest
    moment of evidence that was counted, ``None`` before the first."""

    starts: tuple[datetime, ...]
    size: int
    counted: datetime | None
    slots: Mapping[str, Mapping[int, Sums]] = field(default_factory=dict)
    """By series, the sums of its slots by their number."""

    def names(self, kind: str) -> list[str]:
        """What series of a kind there are, without the kind."""
        return sorted(name.partition(":")[2] for name in self.slots if name.startswith(f"{kind}:"))

    def whole(self, series: str) -> Sums:
        """The sums of a series over the whole stretch."""
        found: Sums = {}
        for each in self.slots.get(series, {}).values():
            add(found, each)
        return found

    def together(self, kind: str) -> Trends:
        """All series of a kind as one, whose name is the kind with its colon."""
        found: dict[int, Sums] = {}
        for name in self.names(kind):
            for number, sums in self.slots[f"{kind}:{name}"].items():
                add(found.setdefault(number, {}), sums)
        return self.of({f"{kind}:": found})

    def of(self, slots: Mapping[str, Mapping[int, Sums]]) -> Trends:
        """Other sums of the same slots of time."""
        return replace(self, slots=slots)

    def each(self, series: str) -> Iterator[tuple[datetime, Sums]]:
        """The slots of a series in order, each with the moment it begins."""
        mine = self.slots.get(series, {})
        for number, start in enumerate(self.starts):
            yield start, dict(mine.get(number, {}))


def trends(store: TenantStore, now: datetime, length: timedelta, kinds: Iterable[str]) -> Trends:
    """The series of these kinds, such as ``model``, over what lies at most ``length`` back. Blocking; reads no evidence."""
    seconds = length.total_seconds()
    span, least = next((span, size) for longest, span, size in _SPANS if seconds <= longest)
    size = next((each for each in _SIZES if each >= least and seconds / each <= _SLOTS), _SIZES[-1])
    clock = int(now.timestamp())
    first = int(clock - seconds) // size * size
    starts = tuple(datetime.fromtimestamp(at, UTC) for at in range(first, clock + 1, size))
    slots: dict[str, dict[int, Sums]] = {}
    book = Book()
    with store.read() as tx:
        position = book.position(tx)
        for start, name, sums in book.rows(tx, span, first, 0, kinds):
            number = min((start - first) // size, len(starts) - 1)
            add(slots.setdefault(name, {}).setdefault(number, {}), sums)
    counted = datetime.fromtimestamp(position.watermark, UTC) if position.watermark else None
    return Trends(starts, size, counted, slots)
