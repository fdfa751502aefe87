"""What a question is answered from: several searches as one list, without repetition, each passage with what stands around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from aver.core import Principal
from aver.core.errors import NotFound
from aver.knowledge.scope import EVERYTHING, Scope
from aver.knowledge.search import Searcher
from aver.knowledge.selection import collapsed, diverse, fused
from aver.knowledge.types import DocumentText, Hit

__all__ = ["Reader", "expanded", "find"]

_POOL = 3
"""How many times the passages asked for are ranked, so that there is something to choose from."""
_CHARACTERS_A_TOKEN = 4


class Reader(Protocol):
    """Who gives out the stored text of documents, to those who may read them."""

    def document(self, principal: Principal, document: str, version: int | None = None) -> DocumentText:
        """Raises :class:`~aver.core.errors.NotFound`."""


def find(
    searcher: Searcher,
    principal: Principal,
    queries: Sequence[str],
    limit: int,
    scope: Scope = EVERYTHING,
    made_with: str = "",
) -> list[Hit]:
    """The passages for ``queries`` (the first is the question, the others its parts or its wordings), best first. Raises as
    :meth:`Searcher.search`."""
    pool = min(100, limit * _POOL)
    rankings = [searcher.search(principal, query, pool, scope, made_with) for query in dict.fromkeys(queries)]
    return diverse(collapsed(fused(rankings)), limit)


def expanded(hits: Sequence[Hit], reader: Reader, principal: Principal, budget: int) -> list[Hit]:
    """``hits`` with whole paragraphs around each, as long as all of them together stay within about ``budget`` tokens.

    A passage that another has grown over is left out. Offsets stay exact: ``document[start:end] == text``. What cannot be read any more
    stays as it was found.
    """
    left = budget * _CHARACTERS_A_TOKEN - sum(hit.end - hit.start for hit in hits)
    grown: list[Hit] = []
    texts: dict[tuple[str, int], str | None] = {}
    for number, hit in enumerate(hits):
        if any(_within(hit, other) for other in grown):
            left += hit.end - hit.start
            continue
        text = _text(texts, reader, principal, hit)
        share = left // (len(hits) - number)
        if text is None or share <= 0:
            grown.append(hit)
            continue
        taken = [
            (other.start, other.end)
            for other in grown
            if (other.document, other.version) == (hit.document, hit.version)
        ]
        start, end = _around(text, hit.start, hit.end, share, taken)
        grown.append(replace(hit, start=start, end=end, text=text[start:end]))
        left -= (end - start) - (hit.end - hit.start)
    return grown


def _text(texts: dict[tuple[str, int], str | None], reader: Reader, principal: Principal, hit: Hit) -> str | None:
    key = hit.document, hit.version
    if key not in texts:
        try:
            found: DocumentText = reader.document(principal, *key)
            texts[key] = found.text if found.text[hit.start : hit.end] == hit.text else None
        except NotFound:
            texts[key] = None
    return texts[key]


def _within(hit: Hit, other: Hit) -> bool:
    same = (hit.document, hit.version) == (other.document, other.version)
    return same and other.start <= hit.start and hit.end <= other.end


def _around(text: str, start: int, end: int, room: int, taken: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """``start`` and ``end`` moved outwards by whole paragraphs, alternately, by up to ``room`` characters in all and not into what is
    ``taken``. What follows comes first: it is what a heading or an introduction leads to."""
    lowest = max([stop for _, stop in taken if stop <= start], default=0)
    highest = min([begin for begin, _ in taken if begin >= end], default=len(text))
    down = up = True
    while down or up:
        if down:
            stop = _paragraph_after(text, end, highest)
            down = end < stop and stop - end <= room
            if down:
                room, end = room - (stop - end), stop
        if up:
            begin = _paragraph_before(text, start, lowest)
            up = begin < start and start - begin <= room
            if up:
                room, start = room - (start - begin), begin
    return start, end


def _paragraph_after(text: str, end: int, highest: int) -> int:
    at = end
    while at < highest and text[at].isspace():
        at += 1
    stop = text.find("\n\n", at, highest)
    stop = highest if stop < 0 else stop
    return end + len(text[end:stop].rstrip())


def _paragraph_before(text: str, start: int, lowest: int) -> int:
    at = len(text[lowest:start].rstrip()) + lowest
    begin = text.rfind("\n\n", lowest, at)
    begin = lowest if begin < 0 else begin + 2
    while begin < at and text[begin].isspace():
        begin += 1
    return begin if begin < at else start
