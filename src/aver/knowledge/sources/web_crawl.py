"""One listing of a web site: from page to page, politely, within bounds, asking only whether what is known has changed."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from aver.core import sha256_hex
from aver.core.clock import Clock
from aver.core.errors import AverError, InvalidInput, NotFound, SourceDenied, TooLarge, Unavailable
from aver.knowledge.sources.http import Http, ProofRefused, Reply
from aver.knowledge.sources.web_address import Scope
from aver.knowledge.sources.web_memory import Known, Memory
from aver.knowledge.sources.web_page import ending_of, read_page
from aver.knowledge.sources.web_robots import Robots

__all__ = ["Crawl", "Limits"]

_REDIRECTS = (301, 302, 303, 307, 308)
_NO_DOCUMENT = "-"
"""The revision of what is there, and is none."""
_DEAD_IN_A_ROW = 10
"""Pages that fail one after the other, after which the site is taken to be down."""
_TOO_OFTEN = 3
"""Listings in a row in which an address that never was a document failed, after which it is no reason to come again."""
_MOST_NAMED = 100
"""Pages beyond the bounds that are reported by name."""
_MOST_REDIRECTS = 5
_LONG = 60.0
"""Seconds that a site may ask to wait for without being asked to be left alone."""
_ADVICE = "See whether it asks to log in or keeps Aver out; exclude pages that are gone for good."


@dataclass(frozen=True, slots=True)
class Limits:
    """``pages`` are how many addresses are asked for, ``depth`` how many links one is away from the beginning, ``size`` is in bytes,
    ``delay`` in seconds between two requests. ``dated``: what its sitemap dates as before is not asked for. ``proven``: it is asked with
    credentials, so that a page for which they are not enough is another thing than credentials that are not accepted."""

    pages: int
    depth: int
    size: int
    delay: float
    dated: bool = False
    proven: bool = False


@dataclass
class Crawl:
    """``documents`` are what was found, by address; ``refused`` why something that may be one, or was, could not be had."""

    http: Http
    scope: Scope
    robots: Robots
    memory: Memory
    limits: Limits
    clock: Clock
    follow: bool
    dates: Mapping[str, str] = field(default_factory=dict)
    """What the sitemaps name, and of when they say it is."""
    documents: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, AverError] = field(default_factory=dict)
    _known: frozenset[str] = frozenset()
    _queue: list[tuple[bool, int, int, str]] = field(default_factory=list)
    _queued: set[str] = field(default_factory=set)
    _front: set[str] = field(default_factory=set)
    """The page where it begins, and where that leads on to."""
    _missing: Known = field(default_factory=lambda: Known(""))
    """What the site answers, with status 200, for a page that it does not have; without wording where it says so by a status."""
    _missing_at: str = ""
    """The path that it leads to from such a page."""
    _before: int = 0
    """How many documents were known."""
    _lost: int = 0
    _dead: int = 0
    _asked_at: float | None = None

    def run(self) -> None:
        """Raises an :class:`~aver.core.errors.AverError` where what was found may not be all there is."""
        self._known = self.memory.begin()
        self._before = self.memory.documents()
        self._begin()
        asked = 0
        while self._queue and asked < self.limits.pages:
            _, depth, _, url = heapq.heappop(self._queue)
            asked += 1
            self._visit(url, depth)
        for _, _, _, url in heapq.nsmallest(_MOST_NAMED, self._queue):
            self._beyond(url, f"It is beyond the {self.limits.pages:,} pages that are read of the site", "most")
        if self._lost > max(1, self._before // 2):
            said = f"{self._lost} of {self._before} pages of {self.http.name} are suddenly out of sight"
            raise Unavailable(said, _ADVICE)
        self._leave_out_duplicates()
        self.memory.put(self._missing)
        self.memory.end()

    def _begin(self) -> None:
        self._look_for_what_is_missing()
        if self.follow or not self.dates:
            if not self.robots.allows(self.scope.begin):
                said = f"robots.txt does not allow {self.http.name} to be read from {self.scope.begin}"
                raise SourceDenied(said, "Ask the site's owner to allow Aver, or begin elsewhere.")
            self._front.add(self.scope.begin)
            self._add(self.scope.begin, 0)
        for url in self.dates:
            self._add(url, 0)

    def _add(self, url: str, depth: int) -> None:
        """Queue an address, if it is one, once; those known come first, so that a bound that is reached keeps nothing known out."""
        if not url or url in self._queued or not self.robots.allows(url):
            return
        known = url in self._known
        if not known and len(self._queue) > self.limits.pages + _MOST_NAMED:
            return  # it would not come to it
        if depth > self.limits.depth:
            self._beyond(url, f"It is more than {self.limits.depth} links away from where the site begins", "depth")
            return
        self.refused.pop(url, None)  # where there is a shorter way to it
        self._queued.add(url)
        heapq.heappush(self._queue, (not known and url not in self._front, depth, len(self._queued), url))

    def _beyond(self, url: str, why: str, bound: str) -> None:
        known = self.memory.get(url)
        if known is not None:
            self.memory.put(known)
        if known is not None or len(self.refused) < _MOST_NAMED:
            self.refused[url] = TooLarge(why, f"Raise {bound!r}, or exclude what it should not read.")

    def _visit(self, url: str, depth: int) -> None:
        known = self.memory.get(url)
        try:
            page = self._looked_at(url, known, depth)
        except AverError as error:
            page = self._not_had(url, known, error)
        else:
            self._dead = 0
        if page is None or self._is_missing(page, known):
            return
        self.memory.put(page)
        if page.ending and page.indexed and page.revision and self.scope.page(url):  # it may begin outside of itself
            self.documents[url] = page
        self._add(self.scope.page(page.canonical), depth)
        for link in page.links.splitlines() if self.follow else ():
            self._add(self.scope.page(link), depth + 1)

    def _looked_at(self, url: str, known: Known | None, depth: int) -> Known | None:
        """The page as it is now; ``None`` where there is none."""
        dated = self.dates.get(url, "")
        if self.limits.dated and dated and known is not None and known.dated == dated and not known.failures:
            return known
        try:
            reply = self._ask(url, known)
        except NotFound:
            if url in self._front:
                raise
            return None
        if reply.status in _REDIRECTS:
            self._redirected(url, reply, known, depth)
            return None
        if reply.status == 304:
            if known is None or not known.revision:
                raise Unavailable(f"{url} is said not to have changed, but was never sent", "Follow it later.")
            return replace(known, dated=dated, failures=0)
        return self._seen(url, reply, dated)

    def _ask(self, url: str, known: Known | None) -> Reply:
        if self._asked_at is not None:
            rest = self.limits.delay - (self.clock.monotonic() - self._asked_at)
            if rest > 0:
                self.http.wait(rest)
        conditions = {}
        if known is not None:
            conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
        headers = {name: value for name, value in conditions.items() if value}
        try:
            return self.http.get(
                url,
                headers=headers,
                most=self.limits.size,
                also=(304, *_REDIRECTS) if headers else _REDIRECTS,
                reads=lambda said: bool(ending_of(said, url)),
            )
        finally:
            self._asked_at = self.clock.monotonic()

    def _seen(self, url: str, reply: Reply, dated: str) -> Known:
        said = reply.headers
        name = Known(url, "", said.get("etag", "")[:500], said.get("last-modified", "")[:100], dated)
        endings = ending_of(said, url)
        if not endings:
            if url in self._front:
                raise InvalidInput(f"{url} is no page, but {said.get('content-type', '')[:60]!r}", "Begin at a page.")
            return replace(name, revision=_NO_DOCUMENT)
        page = read_page(url, said, reply.body, endings[0])
        self.memory.keep(url, page.content)
        canonical = self.scope.here(page.canonical) if page.canonical else ""
        links = dict.fromkeys(link for each in page.links if (link := self.scope.here(each)))
        return replace(
            name,
            ending=endings[0],
            revision=page.revision,
            wording=page.wording,
            indexed=page.indexed,
            canonical=canonical,
            links="\n".join(links),
        )

    def _redirected(self, url: str, reply: Reply, known: Known | None, depth: int) -> None:
        to = reply.headers.get("location", "").encode("latin-1", "replace").decode("utf-8", "replace")
        target = self.scope.page(to, url)
        if url in self._front:
            if not target or not self.robots.allows(target) or len(self._front) > _MOST_REDIRECTS:
                said = f"{self.http.name} leads elsewhere, from {url} to {to[:200]}"
                raise Unavailable(said, "Declare that address, if it is right.")
            self._front.add(target)
        if known is not None and known.revision and (not target or _place(target) == self._missing_at):
            self._lost += known.indexed
        if target:
            self._add(target, depth)

    def _is_missing(self, page: Known, known: Known | None) -> bool:
        """Whether ``page`` is what the site answers where there is nothing. The first page may be just that, if it was so before: some
        sites lead home from everywhere. If it was not, the site is in repair or asks to log in."""
        if not page.wording or page.wording != self._missing.wording:
            return False
        if page.url not in self._front:
            self._lost += known is not None and known.indexed and known.wording != page.wording
            return True
        before = self.memory.get(self._missing.url)
        was_so = known is not None and before is not None and known.wording == before.wording
        if self._before and not was_so:
            said = f"{self.http.name} answers at {page.url} as it does where there is nothing"
            raise Unavailable(said, _ADVICE)
        return False

    def _not_had(self, url: str, known: Known | None, error: AverError) -> Known | None:
        """What is to be made of a page that could not be had: what is known of it, if anything. Raises ``error`` where it is more than
        this page's."""
        expired = self.limits.proven and isinstance(error, ProofRefused)
        if url in self._front or expired or (error.retry_after or 0) > _LONG:
            raise error
        if isinstance(error, SourceDenied):
            self._lost += known is not None and known.indexed
            return None
        passes = not isinstance(error, InvalidInput)
        self._dead = self._dead + 1 if passes else 0
        if self._dead >= _DEAD_IN_A_ROW:
            raise Unavailable(f"{self._dead} pages of {self.http.name} failed in a row: {error.cause}", error.next_step)
        page = replace(known or Known(url), failures=(known.failures if known else 0) + 1)
        if passes and not page.revision and page.failures >= _TOO_OFTEN:
            said = f"It failed in each of the last {page.failures} listings: {error.cause}"
            error = InvalidInput(said, error.next_step)
        if not page.revision or page.indexed:  # it may be a document, or is one
            self.refused[url] = error
        return page

    def _look_for_what_is_missing(self) -> None:
        """Ask for a page that cannot be there: what comes with status 200 is what the site says of such pages."""
        name = f"aver-{sha256_hex(self.scope.begin.encode())[:16]}"
        url = self.scope.page(f"{self.scope.site}{self.scope.within.rstrip('/')}/{name}")
        self._missing = Known(url or name)
        for _ in range(_MOST_REDIRECTS):
            if not url or not self.robots.allows(url):
                return
            try:
                reply = self._ask(url, None)
                if reply.status not in _REDIRECTS:
                    self._missing = replace(self._missing, wording=self._seen(url, reply, "").wording)
                    return
            except AverError as error:
                if (error.retry_after or 0) > _LONG:
                    raise
                return
            url = self.scope.page(reply.headers.get("location", ""), url)
            self._missing_at = _place(url) if url else ""

    def _leave_out_duplicates(self) -> None:
        """Of pages that name one of them as what they are properly called, keep that one."""
        named = {url: self.scope.page(page.canonical) for url, page in self.documents.items()}
        proper = {url: other for url, other in named.items() if other in self.documents and other != url}

        def stays(url: str) -> bool:
            seen = [url]
            while (url := proper.get(url, "")) and url not in seen:
                seen.append(url)
            return seen[0] == (min(seen[seen.index(url) :]) if url else seen[-1])

        self.documents = {url: page for url, page in self.documents.items() if stays(url)}


def _place(url: str) -> str:
    return urlsplit(url).path
