"""Where the links of a text lead: Markdown, HTML and bare addresses, read as a browser would."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Link", "links"]

_END = r"[^\s<>\"'`\])}]"
_PATTERNS = re.compile(
    # Markdown, inline and by reference; the target may stand in angle brackets, and may be followed by a title.
    r"\]\(\s{0,9}<?(?P<inline>[^\s<>)]{1,9000}(?:\([^\s<>)]{0,200}\)[^\s<>)]{0,2000})?)"
    r"|^[ ]{0,3}\[(?P<label>[^\]\n]{1,300})\]:\s{0,9}<?(?P<reference>[^\s>]{1,9000})"
    # HTML: a value in quotes may hold what would end the element outside of them.
    r"|<(?P<element>[a-z][a-z0-9]{0,12})\b(?P<attributes>(?:[^<>\"']++|\"[^\"<]{0,9000}\"|'[^'<]{0,9000}'|[\"'])*+)>?"
    r"|\burl\(\s{0,9}[\"']?(?P<style>[^\s\"')]{1,9000})"
    rf"|(?P<bare>(?:https?|ftps?|wss?)\s?:[\\/]{{2,9}}{_END}{{1,9000}}|(?:javascript|vbscript|data:text/html)\s?:?{_END}{{1,9000}})",
    re.IGNORECASE | re.MULTILINE,
)
_PICTURE = re.compile(r"!\[([^\]\n]{0,300})\](?:\[([^\]\n]{0,300})\])?(?!\()")
_LABEL = 2_000
"""Characters of a link's text at most."""
_ATTRIBUTE = re.compile(
    r"\b(?P<name>src|srcset|background|poster|data|href|action|formaction|ping|content|style|xlink:href)\s*=\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<plain>[^\s\"'>]+))",
    re.IGNORECASE,
)
_LOADED = frozenset({"src", "srcset", "background", "poster", "data", "ping", "style"})
_LOADING = frozenset(
    {"img", "iframe", "script", "link", "embed", "object", "video", "audio", "source", "image", "use", "input"}
)
_ADDRESS = re.compile(
    r"^(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?(?://(?:[^/?#@]*@)*(?P<host>\[[0-9a-f:.]+\]|[^/?#:@]*)(?::\d*)?)?(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SPECIAL = frozenset({"http", "https", "ftp", "ftps", "ws", "wss"})


@dataclass(frozen=True, slots=True)
class Link:
    """A link at ``start`` to ``end``. ``host`` is lower case, without a trailing dot, empty for a relative one; ``rest`` is what follows
    it: path, query and fragment. ``loads``: a renderer fetches it without anybody's click."""

    start: int
    end: int
    scheme: str
    host: str
    rest: str
    loads: bool


def links(text: str) -> Iterator[Link]:
    """In order of appearance. Linear in ``len(text)`` but for the bounded lengths above."""
    pictures = {(match[2] or match[1]).lower() for match in _PICTURE.finditer(text)} if "![" in text else set()
    for match in _PATTERNS.finditer(text):
        if match["element"] is not None:
            yield from _of_element(match)
        elif match["inline"] is not None:
            yield _inline(text, match)
        elif match["reference"] is not None:
            yield _link(match.span(), match["reference"], loads=match["label"].lower() in pictures)
        elif match["style"] is not None:
            yield _link(match.span(), match["style"], loads=True)
        else:
            # A full stop or a comma ends the sentence, not the address.
            address = match["bare"].rstrip(".,;:!?*_")
            yield _link((match.start(), match.start() + len(address)), address, loads=False)


def _inline(text: str, match: re.Match[str]) -> Link:
    """What stands before ``](`` says whether it is a picture: one may hold brackets, and a link may hold a picture."""
    at = match.start()
    since = max(0, at - _LABEL, text.rfind("](", 0, at) if at < _LABEL else text.rfind("](", at - _LABEL, at))
    picture = text.rfind("![", since, at)
    start = picture if picture >= 0 else text.rfind("[", since, at)
    return _link((start if start >= 0 else at, match.end()), match["inline"], loads=picture >= 0)


def _of_element(match: re.Match[str]) -> Iterator[Link]:
    tag = match["element"].lower()
    for attribute in _ATTRIBUTE.finditer(match["attributes"]):
        name = attribute["name"].lower()
        value = html.unescape(attribute["double"] or attribute["single"] or attribute["plain"] or "")
        if name == "content":
            # A refresh of the page: 0;url=https://...
            _, found, value = value.partition("url=")
            if not found:
                continue
        elif name == "style":
            found_at = re.search(r"url\(\s*[\"']?([^\s\"')]+)", value)
            if not found_at:
                continue
            value = found_at[1]
        elif name == "srcset":
            value = value.split()[0] if value.split() else ""
        if value.strip():
            loads = name in _LOADED or name == "content" or (name in {"href", "xlink:href"} and tag in _LOADING)
            yield _link(match.span(), value, loads=loads)


def _link(span: tuple[int, int], address: str, *, loads: bool) -> Link:
    # Browsers drop tabs, newlines and invisible characters, read a backslash as a slash, and decode the host.
    cleaned = re.sub(r"[\t\r\n\u00ad\u200b-\u200f\u2060\ufeff]", "", html.unescape(address)).strip()
    scheme = re.match(r"\s*([a-z][a-z0-9+.-]*)\s*:", cleaned, re.IGNORECASE)
    if not scheme or scheme[1].lower() in _SPECIAL:
        head, mark, tail = _before_query(cleaned)
        cleaned = re.sub(r"^(\w+)\s*:\s*/*", r"\1://", head.replace("\\", "/")) + mark + tail
    parts = _ADDRESS.match(cleaned)
    assert parts is not None
    host = unquote(parts["host"] or "").lower().rstrip(".")
    return Link(*span, (parts["scheme"] or "").lower(), host, parts["rest"] or "", loads)


def _before_query(address: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", address)
    return (address, "", "") if not found else (address[: found.start()], found[0], address[found.end() :])
