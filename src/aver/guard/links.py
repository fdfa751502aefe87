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
    r"(?P<picture>!?)\[[^\]\n]{0,2000}\]\(\s*<?(?P<inline>[^\s<>)]{1,9000}(?:\([^\s<>)]{0,200}\)[^\s<>)]{0,2000})?)"
    r"|^[ ]{0,3}\[[^\]\n]{1,300}\]:\s*<?(?P<reference>[^\s>]{1,9000})"
    # HTML: what a page loads by itself, then what waits for a click.
    r"|<(?P<element>[a-z][a-z0-9]{0,12})\b(?P<attributes>[^<>]{1,9000})>?"
    r"|\burl\(\s*[\"']?(?P<style>[^\s\"')]{1,9000})"
    rf"|(?P<bare>(?:https?|ftps?|wss?)\s?:[\\/]{{2,}}{_END}{{1,9000}}|(?:javascript|vbscript|data:text/html)\s?:?{_END}{{1,9000}})",
    re.IGNORECASE | re.MULTILINE,
)
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
    """In order of appearance; a link inside an element is part of it. Linear in ``len(text)`` but for the bounded lengths above."""
    pictures = (
        {name.lower() for name in re.findall(r"!\[[^\]\n]{0,300}\]\[([^\]\n]{1,300})\]", text)}
        if "][" in text
        else set()
    )
    for match in _PATTERNS.finditer(text):
        if match["element"] is not None:
            yield from _of_element(match)
        elif match["inline"] is not None:
            yield _link(match.span(), match["inline"], loads=bool(match["picture"]))
        elif match["reference"] is not None:
            label = match[0].split("]:")[0].strip().lstrip("[").lower()
            yield _link(match.span(), match["reference"], loads=label in pictures)
        elif match["style"] is not None:
            yield _link(match.span(), match["style"], loads=True)
        else:
            # A full stop or a comma ends the sentence, not the address.
            address = match["bare"].rstrip(".,;:!?*_")
            yield _link((match.start(), match.start() + len(address)), address, loads=False)


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
