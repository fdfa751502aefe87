"""Where the links of a text lead: Markdown, HTML and bare addresses, read as a browser would."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from urllib.parse import unquote

__all__ = ["Link", "begins", "links"]

_END = r"[^\s<>\"'`\])}]"
_WRITTEN = re.compile(
    # Markdown, inline and by reference: the target may stand in angle brackets, and may be followed by a title. A definition may stand
    # in a quotation or a list, and begins a line, or a sentence, which whoever shows it may put on a line of its own.
    r"\]\(\s{0,9}(?:<(?P<angled>[^<>\n]{1,9000})|(?P<inline>(?:[^\s<>()\]]|\](?!\()){1,9000}(?:(?<!\])\([^\s<>()]{0,200}\)[^\s<>()]{0,2000})?))"
    r"|(?:^[ \t>*+-]{0,40}|(?<=\s))\[(?P<label>[^\]]{1,300})\]:\s{0,9}(?:<(?P<bracketed>[^<>\n]{1,9000})|(?P<reference>[^\s<>]{1,9000}))"
    # In angle brackets by itself.
    r"|<(?P<auto>(?:https?|ftps?|wss?|javascript|vbscript|data|mailto):[^\s<>]{1,9000})>"
    r"|\burl\(\s{0,9}[\"']?(?P<style>[^\s\"')]{1,9000})|@import\s{1,9}[\"'](?P<sheet>[^\s\"']{1,9000})"
    rf"|(?P<bare>(?:https?|ftps?|wss?)\s?:[\\/]{{2,9}}{_END}{{1,9000}}|\bwww\.{_END}{{1,9000}}"
    rf"|(?:(?:javascript|vbscript|mailto)\s?:|data:(?:text/html|image/svg)){_END}{{1,9000}})",
    re.IGNORECASE | re.MULTILINE,
)
_ELEMENT = re.compile(
    # A value in quotes may hold what would end the element outside of them.
    r"<(?P<element>[a-z][a-z0-9]{0,12})\b(?P<attributes>(?:[^<>\"']++|\"[^\"<]{0,9000}\"|'[^'<]{0,9000}'|[\"'])*+)>?",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"!?\[|\]")
_REFERRED = re.compile(r"\[([^\[\]]{1,300})\]")
_VERBATIM = re.compile(r"(?<!`)(`+)(?!`)[^`]{0,2000}(?<!`)\1(?!`)|<[^<>]{1,2000}>")
_UNESCAPED = re.compile(r"(?<!\\)[\[\]]")
_LABEL = 2_000
"""Characters of a link's text at most."""
_ATTRIBUTE = re.compile(
    r"\b(?P<name>src|srcset|background|poster|data|href|action|formaction|ping|content|style|xlink:href)\s*=\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<plain>[^\s\"'>]+))",
    re.IGNORECASE,
)
_REFRESH = re.compile(r"[\s\d.]+[;,\s]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)
_STYLE = re.compile(r"url\(\s*[\"']?([^\s\"')]+)", re.IGNORECASE)
_DROPPED = re.compile("[\t\r\n\u00ad\u200b-\u200f\u2060\ufeff]")
_TRIMMED = "".join(map(chr, range(33)))
_LOADED = frozenset({"src", "srcset", "background", "poster", "data", "ping", "style", "content"})
_LOADING = frozenset(
    {"base", "img", "iframe", "script", "link", "embed", "object", "video", "audio", "source", "image", "use", "input"}
)
_ADDRESS = re.compile(
    r"^(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?(?://(?:[^/?#@]*@)*(?P<host>\[[0-9a-f:.]+\]|[^/?#:@]*)(?::\d*)?)?(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SPECIAL = frozenset({"http", "https", "ftp", "ftps", "ws", "wss"})


@dataclass(frozen=True, slots=True)
class Link:
    """A link at ``start`` to ``end``. ``host`` is lower case, without a trailing dot, empty for a relative one; ``rest`` is what follows
    it: path, query and fragment. ``loads``: a renderer fetches it without anybody's click. ``perhaps``: whether it does stands before what was read."""

    start: int
    end: int
    scheme: str
    host: str
    rest: str
    loads: bool
    perhaps: bool = False


def links(text: str) -> Iterator[Link]:
    """In order of appearance; an address in an element's attribute comes twice, as what the element does with it and as it stands. Linear
    in ``len(text)`` but for the bounded lengths above."""
    yield from merge(_written(text), _in_elements(text), key=lambda link: link.start)


_HINTS = ("](", "]:", "<", ":/", ":\\", "www.", "url(", "@import", "script", "mailto", "data:")
"""Without any of which, in lower case, nothing of the above is written; far cheaper to see."""


def begins(text: str) -> bool:
    """Whether a link may begin in ``text``, of whatever follows it."""
    return "[" in text or _hinted(text)


def _hinted(text: str) -> bool:
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def _written(text: str) -> Iterator[Link]:
    if not _hinted(text):
        return
    pictured, referred, openers = _pictured(text), _labels(text), _openers(text)
    for match in _WRITTEN.finditer(text):
        if target := match["angled"] or match["inline"]:
            yield _inline(text, match, target, openers)
        elif target := match["bracketed"] or match["reference"]:
            label = _label(match["label"])
            yield _link(match.span(), target, loads=label in pictured, perhaps=label not in referred)
        elif target := match["style"] or match["sheet"]:
            yield _link(match.span(), target, loads=True)
        else:
            # A full stop or a comma ends the sentence, not the address.
            address = match["auto"] or match["bare"].rstrip(".,;:!?*_")
            start = match.start() + (match["auto"] is not None)
            yield _link((start, start + len(address)), address, loads=False)


def _pictured(text: str) -> set[str]:
    """The labels that pictures refer to: ``![words][label]``, ``![label][]`` and ``![label]``."""
    labels: set[str] = set()
    opened: list[re.Match[str]] = []
    for bracket in _BRACKET.finditer(text) if "![" in text else ():
        if bracket[0] != "]":
            opened.append(bracket)
        elif opened and (begun := opened.pop())[0] == "![":
            referred = _REFERRED.match(text, bracket.end())
            words = text[max(begun.end(), bracket.start() - 301) : bracket.start()]
            labels.add(_label(referred[1] if referred else words))
    return labels


def _labels(text: str) -> set[str]:
    """Those that anything but their definition refers to."""
    return {_label(found[1]) for found in _REFERRED.finditer(text) if text[found.end() : found.end() + 1] != ":"}


def _label(written: str) -> str:
    return " ".join(written.casefold().split())


def _in_elements(text: str) -> Iterator[Link]:
    for match in _ELEMENT.finditer(text) if "<" in text else ():
        yield from _of_element(match)


def _inline(text: str, match: re.Match[str], target: str, openers: Mapping[int, int]) -> Link:
    """What stands before ``](`` says whether it is a picture: one may hold brackets, and a link may hold a picture."""
    at = match.start()
    since = max(0, at - _LABEL, text.rfind("](", 0, at) if at < _LABEL else text.rfind("](", at - _LABEL, at))
    picture = text.rfind("![", since, at)
    opener = openers.get(at, -1)
    if picture < 0 <= opener - 1 and text[opener - 1] == "!":
        picture = opener - 1
    start = picture if picture >= 0 else text.rfind("[", since, at)
    return _link((start if start >= 0 else at, match.end()), target, loads=picture >= 0, perhaps=opener < 0)


def _openers(text: str) -> Mapping[int, int]:
    """Of each bracket that closes, where it was opened, if that is to be seen; those in code, within an element or behind a backslash are none."""
    found: dict[int, int] = {}
    opened: list[int] = []
    seen = _VERBATIM.sub(lambda verbatim: " " * len(verbatim[0]), text) if "](" in text else ""
    for bracket in _UNESCAPED.finditer(seen):
        if bracket[0] == "[":
            opened.append(bracket.start())
        elif opened:
            found[bracket.start()] = opened.pop()
    return found


def _of_element(match: re.Match[str]) -> Iterator[Link]:
    tag = match["element"].lower()
    for attribute in _ATTRIBUTE.finditer(match["attributes"]):
        name = attribute["name"].lower()
        value = html.unescape(attribute["double"] or attribute["single"] or attribute["plain"] or "")
        loads = name in _LOADED or (name in {"href", "xlink:href"} and tag in _LOADING)
        for address in _addresses(name, value):
            if address.strip():
                yield _link(match.span(), address, loads=loads)


def _addresses(name: str, value: str) -> Iterable[str]:
    """Those in the value of an attribute."""
    if name == "content":
        # A refresh of the page: 0; url=https://...
        return [found[1]] if (found := _REFRESH.match(value)) else ()
    if name == "style":
        return _STYLE.findall(value)
    if name == "srcset":
        return [candidate.split()[0] for candidate in value.split(",") if candidate.strip()]
    return (value,)


def _link(span: tuple[int, int], address: str, *, loads: bool, perhaps: bool = False) -> Link:
    # Browsers drop tabs, newlines and invisible characters, read a backslash as a slash, however many of them, and decode the host.
    cleaned = _DROPPED.sub("", html.unescape(address)).strip(_TRIMMED)
    scheme = re.match(r"([a-z][a-z0-9+.-]*)\s*:", cleaned, re.IGNORECASE)
    if scheme and scheme[1].lower() == "mailto":
        who, mark, said = _before_query(cleaned[scheme.end() :])
        name, _, host = who.rpartition("@")
        return Link(*span, "mailto", unquote(host).lower().rstrip("."), f"/{name}{mark}{said}", loads, perhaps)
    if not scheme or scheme[1].lower() in _SPECIAL:
        head, mark, tail = _before_query(cleaned)
        head = head.replace("\\", "/")
        head = re.sub(r"^(\w+)\s*:/*|^//+", lambda found: f"{found[1]}://" if found[1] else "//", head)
        cleaned = ("//" if head.lower().startswith("www.") else "") + head + mark + tail
    parts = _ADDRESS.match(cleaned)
    assert parts is not None
    host = unquote(parts["host"] or "").lower().rstrip(".")
    return Link(*span, (parts["scheme"] or "").lower(), host, parts["rest"] or "", loads, perhaps)


def _before_query(address: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", address)
    return (address, "", "") if not found else (address[: found.start()], found[0], address[found.end() :])
