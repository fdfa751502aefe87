"""What a source holds, read page by page, whatever the source does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from aver.core.errors import InvalidInput, TooLarge, Unavailable
from aver.core.principal import check_reader
from aver.knowledge.types import CursorExpired, Source, SourceItem

__all__ = ["Listed", "listed"]

_MOST = 5_000_000
"""Items of one listing."""
_BARREN = 1000
"""Pages in a row that bring nothing new, after which a source is taken to go in circles."""


@dataclass(frozen=True, slots=True)
class Listed:
    """``whole``: everything there is, so that what is not among ``items`` is gone; else ``gone`` says what is. ``cursor`` is where to
    go on another time."""

    items: tuple[SourceItem, ...]
    gone: frozenset[str]
    cursor: str
    whole: bool


def listed(source: Source, cursor: str, most: int = _MOST) -> Listed:
    """All pages of a listing from ``cursor``; from the beginning where the source no longer knows it.

    What is said of a path last counts: a page that comes twice does no harm. Raises what the source raises,
    :class:`~aver.core.errors.Unavailable` for one that repeats itself without end, and :class:`~aver.core.errors.TooLarge`
    above ``most`` items.
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
    last, barren = cursor, 0
    for page in source.pages(cursor):
        before = len(items) + len(gone)
        for item in page.items:
            items[item.path] = _checked(item)
            gone.discard(item.path)
        for path in page.gone:
            items.pop(path, None)
            gone.add(path)
        last = page.cursor
        barren = 0 if len(items) + len(gone) > before else barren + 1
        if barren > _BARREN:
            raise Unavailable(
                f"{source.name} lists the same things again and again", "See the source's log; no document was changed."
            )
        if len(items) > most:
            raise TooLarge(f"{source.name} lists more than {most:,} items", "Divide it into several sources.")
    return Listed(tuple(items.values()), frozenset(gone), last, whole=not cursor)


def _checked(item: SourceItem) -> SourceItem:
    """``item``, if it can be a document. Raises :class:`~aver.core.errors.InvalidInput`: readers that are misunderstood could be anyone."""
    if not item.path:
        raise InvalidInput("The source lists an item without a path", "Correct the source's adapter.")
    for reader in item.readers or ():
        check_reader(reader)
    return item
