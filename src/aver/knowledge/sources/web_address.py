"""Addresses of a web site: one way to write each, which of them are the source's, and what their documents are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import quote, urljoin, urlsplit

from aver.knowledge.access import matching
from aver.knowledge.sources.exchange import parts_of

__all__ = ["Scope", "escaped", "normal", "path_of"]

_LONGEST = 2000
_MOST_SEGMENTS, _MOST_REPEATED = 25, 4
"""Beyond these an address is one of those that a site makes without end, such as ``/a/b/a/b/a/b/``."""
_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|%")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
_NO_CONTENT = re.compile(
    r"(?:jsessionid|phpsessid|aspsessionid\w*|cfid|cftoken|utm_\w+|gclid|fbclid|msclkid|mc_[ce]id)(?:=.*)?",
    re.IGNORECASE,
)
"""Parameters that name a visit or where a visitor came from, and change nothing of the page."""
_NEVER = frozenset(
    """.jpg .jpeg .png .gif .webp .avif .svg .ico .bmp .tif .tiff .css .js .mjs .map .json .xml .rss .atom .woff .woff2 .ttf .otf .eot
    .mp3 .mp4 .m4a .m4v .ogg .ogv .wav .flac .webm .avi .mov .mkv .zip .gz .tgz .bz2 .xz .7z .rar .tar .jar .exe .msi .dmg .iso .deb
    .rpm .apk .bin .dll .wasm""".split()  # noqa: SIM905
)
"""What is never a document, so that it is not even asked for."""


def normal(link: str, base: str = "", *, query: bool = True) -> str:
    """``link``, met at ``base``, as everybody would write it (RFC 3986, 6.2): no fragment, no default port, no dots, escapes only where
    they are needed. Names of visits are left out, and so is all of the query unless ``query``. Empty where it is no web address."""
    link = re.sub(r"[\t\r\n]", "", link).strip()
    try:
        parts = urlsplit(urljoin(base, link))
    except ValueError:
        return ""
    if not parts_of(parts.geturl()).hostname:
        return ""
    try:
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
    except UnicodeError:
        return ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port and parts.port != _PORTS[parts.scheme] else ""
    path = _SESSION_IN_PATH.sub("", escaped(parts.path.replace("\\", "/"), "/"))
    found = f"{parts.scheme}://{host}{port}{_without_dots(path)}"
    if query and (said := "&".join(each for each in parts.query.split("&") if not _NO_CONTENT.fullmatch(each))):
        found += f"?{escaped(said, '/?')}"
    return found if len(found) <= _LONGEST else ""


def escaped(text: str, safe: str) -> str:
    """``text`` with its escapes in upper case, none for what needs none, and all that are missing but for ``safe`` characters."""

    def one(found: re.Match[str]) -> str:
        if not found[1]:
            return "%25"
        value = int(found[1], 16)
        return chr(value) if value in _UNRESERVED else f"%{value:02X}"

    return quote(_ESCAPE.sub(one, text), safe=f"%{safe}:@!$&'()*+,;=~", errors="replace")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    names = [name for name in path.split("/") if name]
    for name in names:
        if name == "..":
            kept[-1:] = []
        elif name != ".":
            kept.append(name)
    folder = not names or path.endswith("/") or names[-1] in (".", "..")
    return "/" + "/".join(kept) + ("/" if kept and folder else "")


@dataclass(frozen=True)
class Scope:
    """The pages of a site: of the origin of ``begin``, at or below the path ``within``, and matching none of the globs ``exclude``."""

    begin: str
    within: str
    exclude: Sequence[str] = ()
    query: bool = True

    @classmethod
    def of(cls, begin: str, within: str, exclude: Sequence[str], *, query: bool) -> Scope:
        """``within`` is the folder of ``begin`` where it is empty."""
        begin = normal(begin, query=query)
        given = normal(urljoin(begin, f"/{within.lstrip('/')}" if within else "."))
        return cls(begin, urlsplit(given).path, tuple(exclude), query)

    @property
    def site(self) -> str:
        """Scheme, host and port."""
        return self.begin[: self.begin.index("/", len("https://"))]

    @cached_property
    def _excluded(self) -> re.Pattern[str]:
        return matching(each.lstrip("/") for each in self.exclude)

    def here(self, link: str, base: str = "", *, query: bool = True) -> str:
        """``link``, met at ``base``, in its one way to write it, if it is of this site; else empty."""
        url = normal(link, base, query=query)
        if url.startswith("http:") and self.site.startswith("https:"):
            url = "https" + url[len("http") :]  # the same host, as it was written before it had a certificate
        return url if url.startswith(f"{self.site}/") else ""

    def page(self, link: str, base: str = "") -> str:
        """The same, if it is also a page that is the source's."""
        url = self.here(link, base, query=self.query)
        return url if url and self._holds(url) else ""

    def _holds(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.path != self.within and not parts.path.startswith(self.within.rstrip("/") + "/"):
            return False
        names = parts.path.strip("/").split("/")
        if len(names) > _MOST_SEGMENTS or any(names.count(name) > _MOST_REPEATED for name in set(names)):
            return False
        if PurePosixPath(parts.path).suffix.lower() in _NEVER:
            return False
        bare = parts.path.strip("/")
        return not any(
            self._excluded.fullmatch(each) for each in {bare, f"{bare}?{parts.query}" if parts.query else bare}
        )


def path_of(url: str, suffix: str, others: Sequence[str] = ()) -> str:
    """What the document at a normal ``url`` is called: its path and query, ending in ``suffix``, or in one of ``others`` that mean the
    same. An ending that is added stands after ``#``, which no address holds, so that two pages never have one name."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    ends = not name.endswith("/") and PurePosixPath(name).suffix.lower() in (suffix, *others)
    return name if ends else f"{name}#{suffix}"
