"""What a web server sends for a page: what kind of document it is, what it says of itself, and where it leads."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from aver.core import sha256_hex
from aver.core.canonical import canonical_json
from aver.core.errors import AverError, InvalidInput
from aver.knowledge.adapters import html
from aver.knowledge.decoding import declared_in_html, decode
from aver.knowledge.sources.web_robots import AGENT

__all__ = ["PageSeen", "ending_of", "endings_like", "read_page"]

_ENDINGS: dict[str, tuple[str, ...]] = {
    "text/html": (".html", ".htm"),
    "application/xhtml+xml": (".xhtml",),
    "text/plain": (".txt", ".md", ".markdown", ".log"),
    "text/markdown": (".md", ".markdown"),
    "text/csv": (".csv",),
    "application/pdf": (".pdf",),
    "application/rtf": (".rtf",),
    "text/rtf": (".rtf",),
    "message/rfc822": (".eml",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (".pptx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/vnd.oasis.opendocument.presentation": (".odp",),
}
"""Types of what becomes a document, each with the endings of names that mean it."""
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "application/download", "application/x-download")
"""Types that say nothing: the name decides."""
_BY_NAME = {ending: endings for endings in _ENDINGS.values() for ending in endings}
_TEXTS = (".html", ".xhtml", ".txt", ".md", ".csv")
_MARKUP = (".html", ".xhtml")
_LARGEST_READ = 4 * 2**20
"""Bytes of a page up to which its revision is made of what it says rather than of its bytes."""
_MOST_LINKS = 5000
_LINK = re.compile(r'<([^<>]{1,2000})>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)')
_ONWARD = re.compile(r"""^\s*[\d.]*\s*[;,]?\s*url\s*=\s*["']?([^"']+)""", re.IGNORECASE)
"""Where a page that is shown for a moment alone leads on to."""
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_UNFOLLOWED = frozenset({"nofollow", "ugc", "sponsored"})


@dataclass(frozen=True, slots=True)
class PageSeen:
    """``content`` is in UTF-8 where it is text. ``revision`` changes with what a reader would read, not with the tokens and times that
    some servers put into each answer; ``wording`` also leaves out how the page itself is called, so that two pages that only say that
    there is nothing at their address are the same. ``indexed``: the site lets it be a document. ``links`` lead on from it, as addresses;
    ``canonical`` is how it is properly called, or empty."""

    content: bytes
    revision: str
    wording: str = ""
    indexed: bool = True
    canonical: str = ""
    links: tuple[str, ...] = ()


def _type_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """The media type and the character encoding that are said."""
    kind, _, rest = headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", rest, re.IGNORECASE)
    return kind.strip().lower(), charset[1] if charset else ""


def ending_of(headers: Mapping[str, str], url: str) -> tuple[str, ...]:
    """The endings that the name of such a document may have, the usual one first; none for what is no document."""
    kind, _ = _type_of(headers)
    if kind in _UNTOLD:
        return _BY_NAME.get(PurePosixPath(urlsplit(url).path).suffix.lower(), ())
    return _ENDINGS.get(kind, ())


def endings_like(ending: str) -> tuple[str, ...]:
    """The endings that mean the same as ``ending``."""
    return _BY_NAME.get(ending, ())


def read_page(url: str, headers: Mapping[str, str], body: bytes, ending: str) -> PageSeen:
    """Raises an :class:`~aver.core.errors.AverError` for a page that cannot be read."""
    try:
        return _read_page(url, headers, body, ending)
    except AverError:
        raise
    except Exception as error:
        raise InvalidInput(f"The page cannot be read: {type(error).__name__}", "See whether a browser can.") from error


def _read_page(url: str, headers: Mapping[str, str], body: bytes, ending: str) -> PageSeen:
    _, charset = _type_of(headers)
    words = _words_of_header(headers.get("x-robots-tag", ""))
    canonical = _canonical_of_header(headers.get("link", ""), url)
    content = _in_utf8(body, charset) if ending in _TEXTS else body
    if ending not in _MARKUP:
        return PageSeen(content, sha256_hex(content), "", not words & {"noindex", "none"}, canonical)
    page = html.tree(decode(content, declared_in_html(content)))
    words |= _words_of_page(page)
    base = page.css_first("base[href]")
    at = (_joined(url, base.attributes.get("href") or "") or url) if base is not None else url
    named = page.css_first("link[rel~=canonical][href]")
    if named is not None:
        canonical = _joined(at, named.attributes.get("href") or "")
    links = () if words & {"nofollow", "none"} else tuple(_links(page, at))
    revision, wording = _said(content, url)
    return PageSeen(content, revision, wording, not words & {"noindex", "none"}, canonical, links)


def _in_utf8(body: bytes, charset: str) -> bytes:
    """``body`` as UTF-8 where the server says which other encoding it is in, and the page itself does not."""
    if not charset or body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or declared_in_html(body):
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return decode(body, charset).encode()
    return body


def _said(content: bytes, url: str) -> tuple[str, str]:
    if len(content) > _LARGEST_READ:
        return sha256_hex(content), ""
    read = html.read(content).finish("")
    blocks = [[block.kind, block.start, block.end, block.level, block.header] for block in read.blocks]
    revision = sha256_hex(canonical_json([read.title, read.text, blocks]))
    wording = f"{read.title}\n{read.text}"
    path = urlsplit(url).path
    for name in (url, path, path.strip("/"), path.rstrip("/").rpartition("/")[2]):
        wording = wording.replace(name, "") if len(name) > 2 else wording
    return revision, sha256_hex(wording.encode(errors="replace"))


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""


def _links(page: LexborHTMLParser, base: str) -> Iterator[str]:
    seen: set[str] = set()
    for node in page.css("a[href], area[href], frame[src], link[rel~=next][href], meta[http-equiv=refresh i][content]"):
        said = {name: value or "" for name, value in node.attributes.items()}
        if set(said.get("rel", "").lower().split()) & _UNFOLLOWED:
            continue
        onward = _ONWARD.search(said.get("content", ""))
        link = _joined(base, said.get("href") or said.get("src") or (onward[1] if onward else "")).partition("#")[0]
        if link.startswith(("http://", "https://")) and link not in seen:
            seen.add(link)
            yield link
        if len(seen) >= _MOST_LINKS:
            return


def _words_of_page(page: LexborHTMLParser) -> set[str]:
    words: set[str] = set()
    for node in page.css("meta[name][content]"):
        if (node.attributes.get("name") or "").strip().lower() in ("robots", AGENT.lower()):
            words |= {word.strip().lower() for word in (node.attributes.get("content") or "").split(",")}
    return words


def _words_of_header(said: str) -> set[str]:
    """The rules of ``X-Robots-Tag`` that are for everyone or for this crawler."""
    words, agent = set(), ""
    for part in said.split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip().lower() not in _VALUED:
            agent, part = name.strip().lower(), rest  # noqa: PLW2901 - it names whom what follows is for
        if agent in ("", AGENT.lower()):
            words.add(part.strip().lower())
    return words


def _canonical_of_header(said: str, url: str) -> str:
    for link in _LINK.finditer(said):
        if re.search(r'rel\s*=\s*"?(?:[^"]*\s)?canonical\b', link[2], re.IGNORECASE):
            return _joined(url, link[1])
    return ""
