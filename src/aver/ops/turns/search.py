"""Turns searched, filtered, counted and put in order: by the index alone, whatever of evidence there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from aver.core.errors import InvalidInput
from aver.ops.turns import store as tables
from aver.ops.turns.departing import Departed
from aver.ops.turns.describing import DIGEST, microseconds
from aver.ops.turns.index import read_row
from aver.ops.turns.numbers import Flags, Integers, integers, place
from aver.ops.turns.types import OUTCOMES, Filters, Found, Slot, TurnRow
from aver.store import TenantStore

__all__ = ["PAGE", "TurnSearch"]

PAGE = 50
"""Turns of a page."""
_MOST_CHOICES = 60
_MOST_SLOTS = 60
_WIDTHS = (60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)
"""Seconds of the slots that a stretch of time is told by: the first of these that make no more than :data:`_MOST_SLOTS`."""
_SECOND = 1_000_000
_SETS = ("feature", "arm", "outcome", "model", "provider", "tool", "key", "source", "check", "feedback")
_SHOWN = ("feature", "release", "arm", "model", "provider", "tool", "key", "source", "check")
_VALUES = {"cost": "nano", "latency": "micros"}

_AFTER = re.compile(r"(?:([0-9]{1,18})\.)?([0-9]{1,9})")

OfIncident = Callable[[str], Departed]
"""Which turns an incident is about, by its id. Raises :class:`~aver.core.errors.NotFound` where there is none."""


class TurnSearch:
    """Of one tenant. Blocking."""

    def __init__(self, store: TenantStore, incident: OfIncident, behind: Callable[[], int] = lambda: 0) -> None:
        self._store = store
        self._incident = incident
        self._behind = behind

    def find(self, filters: Filters, most: int = PAGE) -> Found:
        """The turns of which everything holds that ``filters`` say, a page of them. Raises :class:`~aver.core.errors.NotFound` for an incident that there is not,
        and :class:`~aver.core.errors.InvalidInput` for a page that cannot be."""
        departed = self._incident(filters.incident) if filters.incident else None
        behind = self._behind()
        with self._store.read() as tx:
            reading = _Reading(tx)
            chosen = reading.chosen(filters, departed)
            numbers, following = reading.page(chosen, filters, most)
            rows = reading.rows(numbers)
            return Found(rows, int(np.count_nonzero(chosen)), following, reading.slots(chosen), behind)

    def count(self, filters: Filters) -> int:
        """How many there are."""
        departed = self._incident(filters.incident) if filters.incident else None
        with self._store.read() as tx:
            return int(np.count_nonzero(_Reading(tx).chosen(filters, departed)))

    def one(self, turn: str) -> TurnRow | None:
        """One by its id, if the index knows it."""
        if not turn.isprintable():
            return None
        with self._store.read() as tx:
            row = tx.execute(select(tables.turns).where(tables.turns.c.id == turn)).first()
            return None if row is None else read_row(row)

    def choices(self) -> dict[str, list[str]]:
        """By filter, the values that there are, in order; of many the first."""
        found: dict[str, list[str]] = {}
        of = tables.sets.c.name
        with self._store.read() as tx:
            for name in _SHOWN:
                within = (of > f"{name}:", of < f"{name};")  # ";" follows ":"
                query = select(of).where(*within).distinct().order_by(of).limit(_MOST_CHOICES)
                found[name] = [each.partition(":")[2] for each in tx.scalars(query)]
        return found


class _Reading:
    """What one transaction sees."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        last = tx.scalar(select(func.max(tables.turns.c.n)))
        self._count = 0 if last is None else last + 1
        self._values: dict[str, Integers] = {}

    def chosen(self, filters: Filters, departed: Departed | None) -> Flags:
        """A flag for each turn."""
        found = np.ones(self._count, np.bool_)
        for name in _SETS:
            if value := getattr(filters, name):
                found &= self._set(f"{name}:{value}")
        if filters.release:
            found &= self._release(filters.release)
        for name in ("unsupported", "denied"):
            if getattr(filters, name):
                found &= self._set(f"is:{name}")
        if filters.since is not None:
            found &= self._value("at") >= microseconds(filters.since)
        if filters.until is not None:
            found &= self._value("at") < microseconds(filters.until)
        if departed is not None:
            found &= self._departed(departed)
        if filters.turn:
            found &= self._only(filters.turn)
        return found

    def page(self, chosen: Flags, filters: Filters, most: int) -> tuple[Sequence[int], str]:
        """The numbers of the turns of a page in their order, and where the next one begins."""
        edge, value = _place(filters)
        if filters.sort == "newest":
            numbers = np.flatnonzero(chosen[:edge] if edge is not None else chosen)[::-1][: most + 1]
            return numbers[:most].tolist(), str(numbers[most - 1]) if len(numbers) > most else ""
        values = self._value(_VALUES[filters.sort])
        numbers = np.flatnonzero(chosen)
        if edge is not None and value is not None:
            mine = values[numbers]
            numbers = numbers[(mine < value) | ((mine == value) & (numbers < edge))]
        numbers = _highest(numbers, values[numbers], most + 1)
        last = numbers[most - 1] if len(numbers) > most else None
        return numbers[:most].tolist(), "" if last is None else f"{values[last]}.{last}"

    def rows(self, numbers: Sequence[int]) -> list[TurnRow]:
        """In the same order."""
        if not numbers:
            return []
        found = {
            row.n: read_row(row) for row in self._tx.execute(select(tables.turns).where(tables.turns.c.n.in_(numbers)))
        }
        return [found[n] for n in numbers]

    def slots(self, chosen: Flags) -> list[Slot]:
        """How many turns began when, by outcome."""
        numbers = np.flatnonzero(chosen)
        if not len(numbers):
            return []
        at = self._value("at")[numbers]
        first, last = int(at.min()), int(at.max())
        width = next(
            (each for each in _WIDTHS if last // (each * _SECOND) - first // (each * _SECOND) < _MOST_SLOTS),
            _WIDTHS[-1],
        )
        base, kinds = first // (width * _SECOND), len(OUTCOMES)
        slots = at // (width * _SECOND) - base
        length = int(slots.max()) + 1
        counted = np.bincount(slots * kinds + self._outcomes()[numbers], minlength=length * kinds).reshape(
            length, kinds
        )
        start = datetime.fromtimestamp(base * width, UTC)
        return [
            Slot(
                start + timedelta(seconds=width * n),
                width,
                {each: int(several) for each, several in zip(OUTCOMES, counted[n], strict=True) if several},
            )
            for n in range(length)
        ]

    def _outcomes(self) -> NDArray[np.uint8]:
        """The place of each turn's outcome among them all."""
        found = np.zeros(self._count, np.uint8)
        for number, each in enumerate(OUTCOMES):
            if number:
                found += self._set(f"outcome:{each}").view(np.uint8) * np.uint8(number)
        return found

    def _set(self, name: str) -> Flags:
        of = tables.sets.c
        found = np.zeros(self._count, np.bool_)
        for row in self._tx.execute(select(of.block, of.members).where(of.name == name)):
            place(row.members, found, row.block)
        return found

    def _release(self, beginning: str) -> Flags:
        """The turns of the releases whose digest begins so, as far as it is told apart by."""
        of = tables.sets.c
        name = f"release:{beginning[:DIGEST]}"
        found = np.zeros(self._count, np.bool_)
        for row in self._tx.execute(select(of.block, of.members).where(of.name >= name, of.name < f"{name}~")):
            place(row.members, found, row.block)
        return found

    def _value(self, name: str) -> Integers:
        if name not in self._values:
            of = tables.values.c
            query = select(of.numbers).where(of.name == name).order_by(of.block)
            self._values[name] = integers(b"".join(self._tx.scalars(query)))
        return self._values[name]

    def _departed(self, departed: Departed) -> Flags:
        ended = self._value("ended")
        found: Flags = (ended >= microseconds(departed.since)) & (ended <= microseconds(departed.until))
        if departed.feature:
            found &= self._set(f"feature:{departed.feature}")
        if departed.value:
            return found & (self._value(departed.value) > departed.above)
        marked = np.zeros(self._count, np.bool_)
        for mark in departed.marks:
            marked |= self._set(f"is:{mark}")
        return found & marked

    def _only(self, turn: str) -> Flags:
        found = np.zeros(self._count, np.bool_)
        n = self._tx.scalar(select(tables.turns.c.n).where(tables.turns.c.id == turn)) if turn.isprintable() else None
        if n is not None:
            found[n] = True
        return found


def _highest(numbers: Integers, values: Integers, most: int) -> Integers:
    """The ``most`` numbers with the highest values, of equal ones the newest first."""
    if len(numbers) > most:
        edge = np.partition(values, len(values) - most)[len(values) - most]
        above, equal = np.flatnonzero(values > edge), np.flatnonzero(values == edge)
        kept = np.concatenate((above, equal[len(equal) - (most - len(above)) :]))
        numbers, values = numbers[kept], values[kept]
    return numbers[np.lexsort((-numbers, -values))]


def _place(filters: Filters) -> tuple[int | None, int | None]:
    """Where a page begins: the number of the turn before it, and for other orders than by time its value."""
    if not filters.after:
        return None, None
    found = _AFTER.fullmatch(filters.after)
    if found is None or (filters.sort == "newest") == bool(found[1]):
        raise InvalidInput("There is no such page", "Go to the first page, and on from there.")
    return int(found[2]), int(found[1]) if found[1] else None
