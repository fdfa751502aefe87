"""A web site whose pages can be changed while it is read: it answers conditional requests as RFC 9110 has it, and misbehaves on demand.

::

    with Site() as site:
        site.page("/", "<p>Welcome</p>", links=["/leave"])
        site.page("/leave", "<p>Thirty days</p>")
        site.robots = "User-agent: *\\nDisallow: /private/"
        site.count("/leave"), site.whole    # what was asked, and which answers had a body
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["Served", "Site"]


@dataclass(frozen=True, slots=True)
class Served:
    """What is at a path. Without ``tagged`` it has no entity tag, so that it cannot be asked whether it changed."""

    body: bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    tagged: bool = True

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


class Site(FakeService):
    """``pages`` by path and query. ``robots`` and ``sitemap`` are what is at their usual places, if anything; ``missing`` is answered,
    with its own status, for what is not there. ``whole`` are the paths whose content was sent, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Served] = {}
        self.robots: str | None = None
        self.sitemap: bytes | None = None
        self.missing = Served(b"<h1>Not found</h1>", status=404)
        self.whole: list[str] = []

    def page(
        self, path: str, body: str, *, title: str = "", links: Iterable[str] = (), head: str = "", **headers: str
    ) -> None:
        """Put a page at ``path``, whose ``body`` is HTML; of ``headers``, ``_`` stands for ``-``."""
        anchors = "".join(f'<p><a href="{html.escape(link)}">On</a></p>' for link in links)
        text = (
            f"<!doctype html><html><head><title>{html.escape(title or path)}</title>{head}</head>"
            f"<body>{body}{anchors}</body></html>"
        )
        self.put(path, text.encode(), **headers)

    def put(self, path: str, body: bytes, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        """Put anything there."""
        self.pages[path] = Served(body, kind, headers={key.replace("_", "-"): value for key, value in headers.items()})

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.pages[path] = Served(b"", status=status, headers={"Location": to}, tagged=False)

    def remove(self, path: str) -> None:
        del self.pages[path]

    def list_pages(self, *paths: str, dates: Mapping[str, str] | None = None) -> None:
        """Let the sitemap name these."""
        rows = "".join(
            f"<url><loc>{html.escape(self.url + path)}</loc>"
            + (f"<lastmod>{dates[path]}</lastmod>" if dates and path in dates else "")
            + "</url>"
            for path in paths
        )
        text = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>'
        self.sitemap = text.encode()

    def answer(self, asked: Asked) -> Answer:
        if asked.method not in ("GET", "HEAD"):
            return Answer(status=405, headers={"Allow": "GET, HEAD"})
        place = asked.raw_path + (f"?{urlencode(asked.queries, doseq=True)}" if asked.queries else "")
        if place == "/robots.txt" and self.robots is not None:
            return Answer(self.robots)
        if place == "/sitemap.xml" and self.sitemap is not None:
            return Answer(self.sitemap, headers={"Content-Type": "application/xml"})
        found = self.pages.get(place, self.missing)
        headers = {"Content-Type": found.kind, **({"ETag": found.tag} if found.tagged else {}), **found.headers}
        if found.status == 200 and found.tagged and found.tag in asked.headers.get("if-none-match", ""):
            return Answer(status=304, headers=headers)
        self.whole.append(place)
        return Answer(found.body, found.status, headers)
