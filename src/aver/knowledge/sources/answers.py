"""Reading the answers of a far side: records in them, pages of them and moments, without taking what is misunderstood for empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from aver.core.errors import Unavailable

__all__ = ["instant", "listed_in", "part_of", "records", "text_of", "walk", "walk_counted"]

_MOST_PAGES = 50_000
_BARREN = 1000
"""Pages of an answer in all, and in a row that bring nothing new: a system may page over much that an account may not see."""

_EPOCH = 1970

Records = list[dict[str, Any]]


def walk(name: str, ask: Callable[[Any], tuple[Records, Any]]) -> Iterator[Records]:
    """The pages of a long answer. ``ask`` gives the page at a place, and the place of the next, ``None`` after the last; the first is at
    ``None``. Raises :class:`~aver.core.errors.Unavailable` for what goes in circles."""
    places: set[Any] = set()
    known: set[int] = set()
    place, barren = None, 0
    while True:
        found, place = ask(place)
        yield found
        if place is None:
            return
        fresh = set(map(_named, found)) - known
        known |= fresh
        barren = 0 if fresh else barren + 1
        if place in places or barren > _BARREN or len(places) > _MOST_PAGES:
            raise Unavailable(f"{name} lists the same things again and again", "Follow it later.")
        places.add(place)


def walk_counted(name: str, ask: Callable[[int], tuple[Records, int | None]]) -> Iterator[Records]:
    """As :func:`walk`, of an answer whose pages are counted rather than marked: ``ask`` gives the records from a number on, and the number
    after them, ``None`` at the end.

    Where something is removed in the meantime what follows moves up, and would be passed over. So each page is asked for from the last record
    of the one before it, unless some of that were kept back; and where that is not the first of it,
    :class:`~aver.core.errors.Unavailable` is raised too.
    """

    def page(place: Any) -> tuple[Records, Any]:
        start, last = place or (0, None)
        found, end = ask(start)
        if last is not None and (not found or _named(found[0]) != last):
            raise Unavailable(f"{name} changed while it was listed", "Follow it again.")
        fresh = found if last is None else found[1:]
        if end is None:
            return fresh, None
        whole = fresh and len(found) == end - start
        return fresh, (end - 1, _named(found[-1])) if whole else (end, None)

    return walk(name, page)


def _named(record: dict[str, Any]) -> int:
    """What tells a record from others: its id, or all of it."""
    return hash(text_of(record, "id") or str(record))


def listed_in(answer: Any, name: str) -> Records:
    """The records that ``answer`` has as ``name``."""
    return records(part_of(answer, name), name)


def records(found: Any, name: str) -> Records:
    """``found``, which was asked for as ``name``, if it is a list of records; else :class:`~aver.core.errors.Unavailable`."""
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unavailable(f"An answer has no {name!r}", "Check the address; see the system's changes to its API.")
    return found


def part_of(record: Any, *names: str) -> Any:
    """What ``record`` has under these names, one within the other; ``None`` where it has nothing."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def text_of(record: Any, *names: str) -> str:
    """As :func:`part_of`, as text; empty for what is neither text nor a whole number."""
    found = part_of(record, *names)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def instant(told: str) -> datetime | None:
    """The moment that is written in ISO 8601, or as HTTP writes dates, in UTC; ``None`` for what is neither, or of no time zone, and
    for years that systems write where they know none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(told)
            return found.astimezone(UTC) if found.tzinfo and found.year >= _EPOCH else None
        except (ValueError, TypeError, OverflowError):
            continue
    return None
