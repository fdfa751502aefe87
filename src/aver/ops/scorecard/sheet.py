"""The sums of the scorecard over a period, its parts and the period before, read in one pass of hours or days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from aver.ops.book import DAY, HOUR, Book
from aver.ops.scorecard.counting import Part, part_of, short
from aver.ops.scorecard.types import Kept, Stretch, Wanted
from aver.ops.sums import Sums, add

__all__ = ["Sheet", "read_sheet"]

_PARTS = 31
"""Parts of a period at most, of which a line is drawn."""
_DAYS = 8 * DAY
"""Seconds from which a period is read by the day."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """``parts`` are those of the period, in order, whether anything happened in them or not."""

    whole: Stretch
    before: Stretch
    parts: tuple[Stretch, ...]
    features: tuple[str, ...]
    releases: tuple[str, ...]
    """The newest first."""
    began: datetime
    """When anything was first counted."""


@dataclass(slots=True)
class _Slot:
    """What is summed of a part of the period."""

    card: Sums = field(default_factory=dict)
    tests: Sums = field(default_factory=dict)
    tenant: Sums = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    """People who asked something else than what is wanted."""
    turns: dict[str, float] = field(default_factory=dict)

    def take(self, part: Part, sums: Sums, wanted: Wanted) -> None:
        of_feature = not wanted.feature or part.feature == wanted.feature
        of_release = not wanted.release or part.release.startswith(short(wanted.release))
        mine = of_feature and of_release
        if part.kind == "people":
            (self.people if mine else self.others).update(sums)
        elif part.kind == "tenant":
            add(self.tenant, sums)
        elif mine and part.kind == "tests":
            add(self.tests, sums)
        elif mine:
            add(self.card, sums)
            self.turns[part.release] = self.turns.get(part.release, 0) + sums.get("turns", 0)

    def merge(self, other: _Slot) -> None:
        add(self.card, other.card)
        add(self.tests, other.tests)
        add(self.tenant, other.tenant)
        add(self.turns, other.turns)
        self.people |= other.people
        self.others |= other.others


def read_sheet(tx: Connection, book: Book, wanted: Wanted, now: datetime, kept: Kept) -> Sheet:
    """The period begins with a whole hour, or from eight days on with a whole day, in UTC."""
    clock, length = int(now.timestamp()), int(wanted.period.total_seconds())
    span, size = ("cd", DAY) if length >= _DAYS else ("ch", HOUR)
    since = (clock - length) // size * size
    before = since - length // size * size
    step = -(-(clock - since) // (_PARTS * size)) * size or size
    slots = [_Slot() for _ in range(-(-(clock + 1 - since) // step))]
    earlier = _Slot()
    for start, name, sums in book.rows(tx, span, before):
        part = part_of(name)
        slot = earlier if start < since else slots[min((start - since) // step, len(slots) - 1)]
        slot.take(part, sums, wanted)
    names = book.series(tx)
    tested = frozenset(part.release for name in names if (part := part_of(name)).kind == "tests")
    whole = _Slot()
    for slot in slots:
        whole.merge(slot)

    end = now + timedelta(seconds=1)  # what happens at this moment is of it
    frame = Stretch(_utc(since), end, wanted, tested=tested, kept=kept)
    told = []
    grown = 0.0
    for place in range(len(slots) - 1, -1, -1):
        start = since + place * step
        told.append(_stretch(frame, slots[place], _utc(start), min(_utc(start + step), end), grown))
        grown += slots[place].tenant.get("documents", 0)
    return Sheet(
        _stretch(frame, whole, frame.since, end, 0.0),
        _stretch(frame, earlier, _utc(before), frame.since, grown),
        tuple(reversed(told)),
        _features(names),
        _releases(names),
        min(names.values(), default=now),
    )


def _stretch(frame: Stretch, slot: _Slot, since: datetime, until: datetime, after: float) -> Stretch:
    return replace(
        frame,
        since=since,
        until=until,
        card=slot.card,
        tests=slot.tests,
        tenant=slot.tenant,
        people=frozenset(slot.people),
        everyone=frozenset(slot.people | slot.others),
        turns=slot.turns,
        after=after,
    )


def _features(names: Mapping[str, datetime]) -> tuple[str, ...]:
    return tuple(sorted({part.feature for name in names if (part := part_of(name)).kind == "card" and part.feature}))


def _releases(names: Mapping[str, datetime]) -> tuple[str, ...]:
    first: dict[str, datetime] = {}
    for name, at in names.items():
        part = part_of(name)
        if part.kind == "card" and part.release not in ("-", "other"):
            first[part.release] = min(first.get(part.release, at), at)
    return tuple(sorted(first, key=lambda each: first[each], reverse=True))


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
