"""Documents that contradict each other: what is cited, beside what another document says of the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aver.agents.opposites import opposed
from aver.agents.quantities import Quantity
from aver.agents.reading import Reading, read
from aver.agents.types import Citation, Conflict, ConflictKind
from aver.core.sentences import sentences
from aver.gateway.types import Embedder
from aver.knowledge.types import Hit

__all__ = ["conflicts"]

_MOST = 3
"""Conflicts that are told of one answer."""
_LEAST_TERMS = 3
_IN_COMMON = 0.6
"""Share of the shorter sentence's terms that the other has, from which both may be about one thing."""
_NEAR = 0.7
"""Cosine from which they are."""
_MONTH = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december|(?-i:May)"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Said:
    hit: Hit
    start: int
    end: int
    text: str
    reading: Reading


def conflicts(citations: Sequence[Citation], hits: Sequence[Hit], embedder: Embedder) -> tuple[Conflict, ...]:
    """For each of ``citations`` the nearest sentence of another document among ``hits`` that contradicts it, if any: the same
    subject with another figure or date, a denial of what is asserted, or an opposite.

    Two sentences are of one subject when they share most of their words and are near in meaning, which rules cannot know for sure:
    a conflict is a reason to look, and no verdict on who is right.
    """
    others = list(_sentences(hits))
    found: list[Conflict] = []
    for position, citation in enumerate(citations):
        here = read(citation.quote)
        able = [
            (said, kind)
            for said in others
            if said.hit.document != citation.document and _alike(here, said.reading)
            if (kind := _kind(citation.quote, here, said))
        ]
        if not able:
            continue
        vectors = embedder.embed([citation.quote, *(said.text for said, _ in able)])
        near = vectors[1:] @ vectors[0]
        best = int(near.argmax())
        if near[best] >= _NEAR:
            said, kind = able[best]
            found.append(Conflict(kind, position, _place(said)))
        if len(found) == _MOST:
            break
    return tuple(found)


def _sentences(hits: Sequence[Hit]) -> Iterator[_Said]:
    for hit in hits:
        for start, end in sentences(hit.text):
            text = hit.text[start:end]
            yield _Said(hit, start, end, text, read(text))


def _alike(one: Reading, other: Reading) -> bool:
    shared = len(one.terms & other.terms)
    return shared >= _LEAST_TERMS and shared >= _IN_COMMON * min(len(one.terms), len(other.terms))


def _kind(quote: str, here: Reading, said: _Said) -> ConflictKind | None:
    there = said.reading
    if _other_figure(here.quantities, there.quantities):
        return "figure"
    dates, theirs = _dates(quote), _dates(said.text)
    if dates and theirs and not dates & theirs:
        return "date"
    denied, asserted = there.denied - there.asserted, there.asserted - there.denied
    if (here.asserted - here.denied) & denied or (here.denied - here.asserted) & asserted:
        return "negation"
    return "opposite" if opposed(here.words, there.words) else None


def _other_figure(here: frozenset[Quantity], there: frozenset[Quantity]) -> bool:
    """Whether both state a figure of the same kind, and none in common."""
    mine = [each for each in here if each.stated]
    theirs = [each for each in there if each.stated]
    if {each.value for each in mine} & {each.value for each in theirs}:
        return False
    return any(
        (one.unit == other.unit and one.unit != "") or (one.unit == other.unit and one.counted & other.counted)
        for one in mine
        for other in theirs
    )


def _dates(text: str) -> frozenset[str]:
    return frozenset(match.lower() for match in _MONTH.findall(text))


def _place(said: _Said) -> Citation:
    hit = said.hit
    start, end = hit.start + said.start, hit.start + said.end
    return Citation(hit.document, hit.title, hit.uri, hit.version, start, end, said.text)
