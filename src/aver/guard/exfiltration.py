"""Text that would carry data to somebody else's host when it is shown: pictures, links, and what nobody sees.

A model that read hostile text can be made to write a link whose address spells out what the conversation held; a picture is fetched without
a click (https://embracethered.com/blog/posts/2023/chatgpt-webpilot-data-exfil-via-markdown-injection/). Hosts that are declared may be
linked to, whatever the link says.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from urllib.parse import unquote_plus

from aver.core.errors import InvalidInput
from aver.guard.context import Context
from aver.guard.conversation import Memory
from aver.guard.links import Link, begins, links
from aver.guard.plain import plain
from aver.guard.types import Finding

__all__ = ["Exfiltration"]

_ACTIVE = frozenset({"javascript", "vbscript", "data", "file", "blob"})
_HARMLESS_DATA = re.compile(r"^image/(?:png|jpe?g|gif|webp);", re.IGNORECASE)
_RUNS = re.compile(
    r"<script\b[^<>]{0,9000}>[^<]{0,9000}</script\s{0,9}>|<[a-z][a-z0-9]{0,12}\b[^<>]{0,9000}?[\s/\"']on[a-z]{3,30}\s{0,9}=[^<>]{0,9000}>?",
    re.IGNORECASE,
)
"""Elements that run something by themselves."""
_LONG = 40
"""Characters of one value after which it is more than an identifier."""
_LONG_NAME = 64
"""The same for a part of the path, which names documents by identifiers of up to 56 characters."""
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff\u180e\u00ad\ufe00-\ufe0f\U000e0000-\U000e01ef]")
_FEW_INVISIBLE = 16
"""Invisible characters that a text may have: joiners in emoji and scripts that need them, soft hyphens, a byte order mark."""
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\]")


class Exfiltration:
    """A :class:`~aver.guard.types.Detector` of kinds ``remote_image``, ``data_in_link``, ``active_link`` and ``hidden_text``.

    ``hosts`` may be linked to and loaded from: a name, or ``*.name`` for everything beneath it. ``conversation`` is what must not leave: a
    link that repeats any of it in clear, percent-encoded, in base64, in hexadecimal or backwards is found however short it is. A link that
    stands letter for letter in one of ``sources``, what was retrieved or returned by tools, carries nothing away and is no
    ``data_in_link``; :meth:`within` a turn, what it has read is both. Raises :class:`~aver.core.errors.InvalidInput` for a host that is none.
    """

    name = "exfiltration"

    def __init__(
        self, hosts: Iterable[str] = (), conversation: Iterable[str] = (), sources: Iterable[str] = ()
    ) -> None:
        self._exact: set[str] = set()
        self._under: list[str] = []
        for host in hosts:
            if not _HOST.fullmatch(lower := host.lower().rstrip(".")):
                raise InvalidInput(
                    f"{host!r} is not a host", "Write a name such as docs.example.com, or *.example.com."
                )
            if lower.startswith("*."):
                self._under.append(lower[1:])
            else:
                self._exact.add(lower)
        self._memory = Memory(conversation, sources)

    def within(self, context: Context) -> Exfiltration:
        made = copy(self)
        made._memory = Memory(context=context)  # noqa: SLF001 - its own copy
        return made

    def opened(self, text: str) -> bool:
        """Whether a link, an element or a run of unseen characters may begin in ``text``."""
        return begins(text) or (not text.isascii() and _INVISIBLE.search(text) is not None)

    def find(self, text: str) -> Sequence[Finding]:
        found = [*self._in_links(text), *_hidden(text)]
        found.sort(key=lambda each: (each.start, -each.score))
        kept: list[Finding] = []
        for each in found:
            if not kept or each.start >= kept[-1].end:
                kept.append(each)
            elif each.score > kept[-1].score and each.end >= kept[-1].end:
                kept[-1] = Finding(each.kind, kept[-1].start, each.end, each.score)
        return kept

    def _in_links(self, text: str) -> Iterator[Finding]:
        for element in _RUNS.finditer(text) if "<" in text else ():
            yield Finding("active_link", *element.span(), 0.9)
        for link in links(text):
            if link.scheme in _ACTIVE and not (link.scheme == "data" and _HARMLESS_DATA.match(link.rest)):
                yield Finding("active_link", link.start, link.end, 0.9)
            elif link.host and not self._allowed(link.host):
                carried = self._carried(link)
                if link.loads:
                    yield Finding("remote_image", link.start, link.end, max(0.7, carried))
                elif (carried >= 0.5 or link.perhaps) and not self._memory.knows(link):
                    kind = "data_in_link" if carried >= 0.5 else "remote_image"
                    yield Finding(kind, link.start, link.end, max(0.7, carried))

    def _allowed(self, host: str) -> bool:
        return host in self._exact or any(host.endswith(end) for end in self._under)

    def _carried(self, link: Link) -> float:
        """How surely the address carries more than the way to a page, from 0 to 1."""
        path, values = _values(link)
        if any(self._memory.says(form) for value in (*path, *values) for form in _forms(value)):
            return 0.98
        odd = [_oddness(value, _LONG) for value in values] + [_oddness(value, _LONG_NAME) for value in path]
        odd += [0.8 for value in (*path, *values) for form in _decoded(value) if _legible(form)]
        names = [label for label in link.host.split(".")[:-2] if len(label) >= 20 and _dense(label)]
        return max([*odd, 0.8 if names else 0.0])


def _values(link: Link) -> tuple[list[str], list[str]]:
    """What a sender may choose in an address: the parts of the path and the names under the host; each value of query and fragment."""
    address, _, fragment = link.rest.partition("#")
    path, _, query = address.partition("?")
    values = [pair.partition("=")[2] or pair for pair in re.split("[&;]", query)]
    # A fragment that begins so quotes the page it leads to.
    values += [] if fragment.startswith(":~:text=") else [fragment]
    return [*path.split("/"), "".join(link.host.split(".")[:-2])], values


def _forms(value: str) -> Iterator[str]:
    """``value`` and what it may encode."""
    clear = unquote_plus(value)
    yield clear
    yield clear[::-1]
    yield from _decoded(value)


def _decoded(value: str) -> Iterator[str]:
    """``value`` out of base64 and out of hexadecimal, where it may be either."""
    packed = re.sub(r"\s", "", unquote_plus(value))
    if len(packed) >= 8:
        if re.fullmatch(r"[\w+/=-]+", packed, re.ASCII):
            try:
                padded = packed.rstrip("=").translate(str.maketrans("-_", "+/"))
                yield base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode("utf-8", "ignore")
            except (binascii.Error, ValueError):
                pass
        if len(packed) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", packed):
            yield bytes.fromhex(packed).decode("utf-8", "ignore")


def _oddness(value: str, long: int) -> float:
    """A value of more than ``long`` characters that is no page's name: packed data, or prose."""
    clear = unquote_plus(value)
    if len(clear) < long:
        return 0.0
    if len(re.findall(r"\s", clear)) >= 8:
        return 0.7
    longest = max((len(run) for run in re.findall(r"[\w+/=%]{1,9000}", clear)), default=0)
    return 0.8 if longest >= long and _dense(clear) else 0.0


def _legible(decoded: str) -> bool:
    """Whether these are words and not chance."""
    return (
        len(decoded) >= 24
        and " " in decoded
        and sum(c.isalnum() or c in " .,:'-" for c in decoded) >= 0.9 * len(decoded)
    )


def _dense(value: str) -> bool:
    """Whether ``value`` looks packed rather than written: letters and digits mixed, at four bits a character or more for long ones."""
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    switches = len(re.findall(r"[a-z][A-Z0-9]|[0-9][A-Za-z]", value))
    return entropy >= 3.3 and switches >= len(value) / 8


def _hidden(text: str) -> Iterator[Finding]:
    """What is written in characters that nobody sees."""
    if text.isascii():
        return
    for start, end in plain(text).hidden:
        yield Finding("hidden_text", start, end, 0.95)
    for run in re.finditer(f"(?:{_INVISIBLE.pattern}){{{_FEW_INVISIBLE},}}", text):
        yield Finding("hidden_text", *run.span(), 0.9)
