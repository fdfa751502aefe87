"""Sitemaps: which pages a site says it has (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from aver.core.errors import AverError, InvalidInput, NotFound, SourceDenied, TooLarge
from aver.knowledge.adapters.elements import elements
from aver.knowledge.sources.http import Http
from aver.knowledge.sources.web_address import Scope

__all__ = ["Entry", "Sitemaps", "entries"]

_LARGEST = 50 * 2**20
"""Bytes of one sitemap, unpacked, and how many entries it has: the protocol's own limits."""
_MOST_ENTRIES = 50_000
_MOST_FILES = 1000
_MOST_PAGES = 1_000_000
_DEEPEST = 3
_PIECE = 2**16
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(?:urlset|sitemapindex)[\s>/]")


@dataclass(frozen=True, slots=True)
class Entry:
    """``modified`` is what the site says of when, as it says it; ``index`` for a sitemap rather than a page."""

    url: str
    modified: str = ""
    index: bool = False


class _NotOne(InvalidInput):
    """Something else than a sitemap, such as a page that says that there is none."""


@dataclass
class Sitemaps:
    """The sitemaps of a site, read from ``begin`` on; pages of other sites in them are passed over."""

    http: Http
    scope: Scope
    _read: set[str] = field(default_factory=set)
    _pages: dict[str, str] = field(default_factory=dict)

    def declared(self, place: str) -> dict[str, str]:
        """The pages that the sitemap at ``place`` names, and when each was modified. Raises an :class:`~aver.core.errors.AverError`
        where it, or one that it refers to, cannot be had: what it names is not known then."""
        if not self.scope.here(place):
            raise InvalidInput(f"The sitemap of {self.http.name} is on another site", "Declare that site.")
        self._follow(place, 0)
        if not self._pages:
            raise InvalidInput(f"{place} names no page that is to be read", "Correct 'sitemap', 'within' or 'exclude'.")
        return self._pages

    def found(self, named: Sequence[str]) -> dict[str, str]:
        """The same of those that ``robots.txt`` names, else of the usual place. One that is not there names nothing."""
        for place in named or (f"{self.scope.site}/sitemap.xml",):
            try:
                self._follow(place, 0)
            except (NotFound, SourceDenied):
                continue
            except _NotOne:
                if named:
                    raise
        return self._pages

    def _follow(self, place: str, depth: int) -> None:
        place = self.scope.here(place)
        if not place or place in self._read:
            return
        self._read.add(place)
        if len(self._read) > _MOST_FILES or depth > _DEEPEST:
            raise TooLarge(f"The sitemaps of {self.http.name} refer to one another without end", "Declare one of them.")
        body = self.http.get(place, most=_LARGEST).body
        for entry in entries(body, place):
            if entry.index:
                self._follow(entry.url, depth + 1)
            elif page := self.scope.page(entry.url):
                self._pages[page] = entry.modified
                if len(self._pages) > _MOST_PAGES:
                    raise TooLarge(f"{self.http.name} names more than {_MOST_PAGES:,} pages", "Divide it by 'within'.")


def entries(body: bytes, place: str) -> Iterator[Entry]:
    """What a sitemap of any of its formats holds. Raises :class:`~aver.core.errors.InvalidInput` for one that is damaged, defines XML
    entities, or is something else, and :class:`~aver.core.errors.TooLarge`."""
    body = _unpacked(body, place)
    found = _of_markup(body, place) if _ROOT.search(body[:4096]) else _of_lines(body, place)
    for number, entry in enumerate(found, 1):
        if number > _MOST_ENTRIES:
            raise TooLarge(f"The sitemap {place} has more than {_MOST_ENTRIES:,} entries", "Let the site divide it.")
        yield entry


def _of_markup(body: bytes, place: str) -> Iterator[Entry]:
    pieces = (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))
    try:
        for found in elements(pieces, frozenset({"?url", "?sitemap", "url", "sitemap"})):
            said = {part.tag.lstrip("?"): (part.text or "").strip() for part in found}
            if said.get("loc"):
                yield Entry(said["loc"], said.get("lastmod", "")[:50], found.tag.endswith("sitemap"))
    except AverError as error:
        raise InvalidInput(f"The sitemap {place} cannot be read: {error.cause}", "Let the site mend it.") from None


def _of_lines(body: bytes, place: str) -> Iterator[Entry]:
    lines = [line.strip() for line in body.decode("utf-8-sig", "replace").splitlines()]
    lines = [line for line in lines if line]
    if not all(line.startswith(("http://", "https://")) for line in lines):
        raise _NotOne(f"{place} is no sitemap", "Name the right one.")
    for line in lines:
        yield Entry(line)


def _unpacked(body: bytes, place: str) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    stream = zlib.decompressobj(31)
    try:
        body = stream.decompress(body, _LARGEST + 1)
    except zlib.error:
        raise InvalidInput(f"The sitemap {place} is damaged", "Let the site mend it.") from None
    if len(body) > _LARGEST:
        raise TooLarge(f"The sitemap {place} is larger than {_LARGEST // 2**20} MB", "Let the site divide it.")
    if not stream.eof:
        raise InvalidInput(f"The sitemap {place} breaks off", "Let the site mend it.")
    return body
