"""What a source holds, read page by page, whatever the source does meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aver.core.errors import AverError, InvalidInput, TooLarge, Unavailable
from aver.core.principal import check_reader
from aver.knowledge.types import CursorExpired, ItemFailure, Page, Source, SourceItem

__all__ = ["Listed", "listed"]

_MOST = 5_000_000
"""Items of one listing."""
_BARREN = 1000
"""Pages in a row that bring nothing new, after which a source is taken to go in circles."""
_LONGEST = {"path": 4096, "uri": 16_384, "revision": 1024}
"""Characters."""
_ASTRAY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls but for tabs and line breaks, which file names have; what turns the direction of writing; halves of characters. No database and no
screen may meet them."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """``whole``: everything there is, so that what is not among ``items`` is gone; else ``gone`` says what is. ``cursor`` is where to
    go on another time. ``refused`` cannot be documents, whatever is in them."""

    items: tuple[SourceItem, ...]
    gone: frozenset[str]
    cursor: str
    whole: bool
    refused: tuple[ItemFailure, ...] = ()


def listed(source: Source, cursor: str, most: int = _MOST) -> Listed:
    """All pages of a listing from ``cursor``; from the beginning where the source no longer knows it.

    What is said of a path last counts: a page that comes twice does no harm. Raises what the source raises,
    :class:`~aver.core.errors.Unavailable` for one that repeats itself without end or that breaks, and
    :class:`~aver.core.errors.TooLarge` above ``most`` items.
    """
    if cursor:
        try:
            return _read(source, cursor, most)
        except CursorExpired:
            pass
    return _read(source, "", most)


def _read(source: Source, cursor: str, most: int) -> Listed:
    items: dict[str, SourceItem] = {}
    gone: set[str] = set()
    refused: dict[str, str] = {}
    last, barren = cursor, 0
    for page in _pages(source, cursor):
        before = len(items) + len(gone) + len(refused)
        for item in page.items:
            if why := _wrong(_checked(item)):
                refused[_shown(item.path)] = why
                continue
            items[item.path] = item
            gone.discard(item.path)
        for path in page.gone:
            items.pop(path, None)
            gone.add(path)
        last = page.cursor
        barren = 0 if len(items) + len(gone) + len(refused) > before else barren + 1
        if barren > _BARREN:
            raise Unavailable(
                f"{source.name} lists the same things again and again", "See the source's log; no document was changed."
            )
        if len(items) + len(refused) > most:
            raise TooLarge(f"{source.name} lists more than {most:,} items", "Divide it into several sources.")
    failures = tuple(ItemFailure(path, why) for path, why in refused.items())
    return Listed(tuple(items.values()), frozenset(gone), last, not cursor, failures)


def _pages(source: Source, cursor: str) -> Iterator[Page]:
    """What the source lists; that it breaks over what it is told is said of it, as that it cannot be reached is."""
    try:
        yield from source.pages(cursor)
    except AverError:
        raise
    except Exception as error:
        said = f"{source.name} cannot be listed: {type(error).__name__}: {error}"[:500]
        raise Unavailable(said, "See the changes of its system; no document was changed.") from error


def _checked(item: SourceItem) -> SourceItem:
    """``item``, where it can be told what it is and whose. Raises :class:`~aver.core.errors.InvalidInput`: readers that are misunderstood could be anyone."""
    if not item.path:
        raise InvalidInput("The source lists an item without a path", "Correct the source's adapter.")
    for reader in item.readers or ():
        check_reader(reader)
    return item


def _wrong(item: SourceItem) -> str:
    """Why an item cannot be a document; empty where it can. One that is called so costs itself alone."""
    for name, longest in _LONGEST.items():
        told = getattr(item, name)
        if len(told) > longest:
            return f"Its {name} has {len(told):,} characters, more than {longest:,}. Give it a shorter one."
        if _ASTRAY.search(told):
            return f"Its {name} holds control characters or broken ones. Give it another one."
    if {".", ".."} & set(item.path.split("/")):
        return "Its path leads elsewhere. Give it another one."
    return ""


def _shown(path: str) -> str:
    """A path as it may be shown and stored."""
    return _ASTRAY.sub(lambda found: f"\\u{ord(found[0]):04x}", path[:_SHOWN]) + ("…" if len(path) > _SHOWN else "")
