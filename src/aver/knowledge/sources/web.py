"""A web site: its pages, found through its sitemaps or by following links, each with what it says as its revision.

What a page was is remembered in the source's folder, so that one that did not change is answered with ``304 Not Modified`` and neither
read again nor fetched. A listing is always whole: the web has no way to ask what changed, but asking each page costs little.

What a page that is not there means:

- 404 and 410, a redirect to elsewhere, ``noindex``, another page as ``canonical``, or what the site answers for an address that it cannot have:
  it is gone. Should that be so of most of what was known at once, the listing fails instead.
- 401 and 403: it is gone as well, for what may not be read may not be shown.
- any other failure: it is listed without a revision, and its fetch fails with the reason, so that its document stays and the run is
  not complete. Where the first page or ten in a row fail, or the site asks to wait for long, the listing fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from aver.core.errors import AverError, NotFound, SettingsError, Unavailable
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, MapOf, Text, Whole
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.http import Http
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.sources.web_address import Scope, normal, path_of
from aver.knowledge.sources.web_crawl import Crawl, Limits
from aver.knowledge.sources.web_memory import Memory
from aver.knowledge.sources.web_page import ending_of, endings_like, read_page
from aver.knowledge.sources.web_robots import Robots
from aver.knowledge.sources.web_sitemap import Sitemaps
from aver.knowledge.types import Page, SourceItem

__all__ = ["KIND", "Options", "WebSource"]

_ITEMS_A_PAGE = 1000
_LONGEST_DELAY = 30.0
"""Seconds between requests that a site's robots.txt can ask for."""
_ATTEMPTS = 3
_HEADER = Text(pattern=r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", expected="the name of a header", longest=100)


@dataclass(frozen=True, slots=True)
class Options:
    """``headers`` are references to secrets by the names of the headers that they are sent in."""

    url: str
    sitemap: str = ""
    follow: bool | None = None
    within: str = ""
    exclude: tuple[str, ...] = ()
    query: str = "keep"
    most: int = 10_000
    depth: int = 30
    delay: float = 0.2
    trust_dates: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for url in (self.url, self.sitemap) if self.sitemap else (self.url,):
            if not normal(url):
                raise SettingsError(f"{url[:100]!r} is no address of the web", "Write it as https://HOST/...")


@dataclass
class WebSource:
    name: str
    options: Options
    reach: Reach
    wait: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        options = self.options
        self._scope = Scope.of(options.url, options.within, options.exclude, query=options.query == "keep")
        self._http = Http(
            self.name, self._scope.begin, self.reach.clock, self._proof, wait=self.wait, attempts=_ATTEMPTS
        )
        self._memory = Memory(self.reach.folder)
        self._urls: dict[str, str] = {}
        self._refused: dict[str, AverError] = {}

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - it is the protocol's
        """Every page there is now. Raises an :class:`~aver.core.errors.AverError` where that cannot be known."""
        robots = Robots.ask(self._http, self._scope.site)
        dates = self._dates(robots)
        follow = not dates if self.options.follow is None else self.options.follow
        delay = max(self.options.delay, min(robots.delay, _LONGEST_DELAY))
        limits = Limits(
            self.options.most,
            self.options.depth,
            self.reach.max_bytes,
            delay,
            dated=self.options.trust_dates,
            proven=bool(self.options.headers),
        )
        self._urls, self._refused = {}, {}
        with closing(self._memory) as memory:
            crawl = Crawl(self._http, self._scope, robots, memory, limits, self.reach.clock, follow, dates)
            crawl.run()
            items = [*self._found(crawl), *self._not_had(crawl)]
        for start in range(0, max(len(items), 1), _ITEMS_A_PAGE):
            yield Page(tuple(items[start : start + _ITEMS_A_PAGE]))

    def fetch(self, item: SourceItem) -> bytes:
        """The page as it was listed; raises :class:`~aver.core.errors.Unavailable` where it has become another since."""
        if item.path in self._refused:
            raise self._refused[item.path]
        url = self._urls.get(item.path)
        if url is None:
            raise NotFound("The page was not there when the site was listed", "Follow the source again.")
        content = self._memory.take(url)
        if content is not None:
            return content
        reply = self._http.get(url, most=self.reach.max_bytes)
        endings = ending_of(reply.headers, url)
        page = read_page(url, reply.headers, reply.body, endings[0]) if endings else None
        if page is None or page.revision != item.revision:
            raise Unavailable("The page has changed since it was listed", "Follow the source again.")
        return page.content

    def _dates(self, robots: Robots) -> dict[str, str]:
        sitemaps = Sitemaps(self._http, self._scope)
        if self.options.sitemap:
            return sitemaps.declared(self.options.sitemap)
        return sitemaps.found(robots.sitemaps)

    def _found(self, crawl: Crawl) -> Iterator[SourceItem]:
        for url, page in sorted(crawl.documents.items()):
            if url not in crawl.refused:
                yield SourceItem(self._called(url, page.ending), url, 0, page.revision)

    def _not_had(self, crawl: Crawl) -> Iterator[SourceItem]:
        for url, error in sorted(crawl.refused.items()):
            known = self._memory.get(url)
            endings = ending_of({}, url) or (".html",)
            path = self._called(url, known.ending if known and known.ending else endings[0])
            self._refused[path] = error
            yield SourceItem(path, url)

    def _called(self, url: str, ending: str) -> str:
        path = path_of(url, ending, endings_like(ending))
        self._urls[path] = url
        return path

    def _proof(self, refused: bool) -> dict[str, str]:  # noqa: ARG002 - a secret is read anew each time as it is
        return {name: self.reach.secret(reference) for name, reference in self.options.headers.items()}


KIND = Kind(
    "web",
    "The pages of a web site, and the documents that they lead to.",
    {
        "url": Field(Text(), "Where the site begins.", required=True),
        "sitemap": Field(Text(), "Its sitemap; else what robots.txt names, else /sitemap.xml, if there is one."),
        "follow": Field(Boolean(), "Whether links are followed; without it, where there is no sitemap."),
        "within": Field(Text(), "The path that pages are at or below; the folder of url without it."),
        "exclude": Field(ListOf(Text()), "Globs of paths that are left out, as in an access list."),
        "query": Field(Choice("way to treat queries", ("keep", "drop")), "Whether ?a=b makes another page; keep does."),
        "most": Field(Whole(1, 1_000_000), "How many addresses are asked for at most; 10000 without it."),
        "depth": Field(Whole(0, 10_000), "How many links a page may be away from url; 30 without it."),
        "delay": Field(Duration(), "Between two requests; 200ms without it. robots.txt may ask for longer."),
        "trust_dates": Field(Boolean(), "Do not ask for pages whose date in the sitemap is as before."),
        "headers": Field(MapOf(_HEADER, CREDENTIAL), "Headers that let Aver in, each by where its secret is kept."),
    },
    Options,
    WebSource,
)
