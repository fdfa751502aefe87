"""How good the documents of a source are to answer from: what is wrong with which of them, told from what was measured of each.

Pure: :mod:`aver.knowledge.traits` measures a document when it is taken in, and here the documents of one source are judged together. The
limits are where findings were right by hand on real handbooks and files; docs/quality.md says how often.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from aver.knowledge.sketch import alike
from aver.knowledge.traits import Traits

__all__ = ["CHECKS", "STALE_DAYS", "Check", "Finding", "Judged", "Quality", "assess"]

Check = Literal[
    "empty",  # no word and no figure
    "garbled",  # characters were lost or misread, or the letters make no words
    "short",  # too little to answer anything
    "duplicate",  # the same text as another document of the source
    "near-duplicate",  # nearly the same text
    "unstructured",  # long, and without a heading
    "unbroken",  # a paragraph so long that a passage of it says little of the rest
    "stale",  # not changed for a long time
]
CHECKS: tuple[Check, ...] = get_args(Check)

STALE_DAYS = 365
_LOST = 0.01
_LEAST_LOST = 2
"""Damaged words that are more than a slip."""
_UNLIKELY = 0.3
_LEAST_PROSE = 50
"""Words, below which the share of unlikely ones is chance."""
_SHORT = 12
_LONG = 600
_UNBROKEN = 400
_NEAR = 0.8
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """A document to judge. ``updated`` is when its content last changed by its source's account, or, where that tells nothing, was taken in."""

    document: str
    title: str
    path: str
    updated: datetime
    traits: Traits


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one document. ``detail`` says it with its figure; ``others`` are the documents that it repeats."""

    check: Check
    document: str
    title: str
    path: str
    detail: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the ``documents`` of a source: in how many each check found something, the first twenty findings of each check, and how many
    documents are in which language (empty where it is not told)."""

    documents: int
    counts: dict[Check, int]
    findings: tuple[Finding, ...]
    languages: dict[str, int]
    stale_days: int


def assess(judged: Sequence[Judged], now: datetime, stale_days: int = STALE_DAYS) -> Quality:
    """Judge the documents of one source together. Those that are stale have not changed for ``stale_days``, the longest first."""
    found: defaultdict[Check, list[Finding]] = defaultdict(list)
    for finding in (*_alone(judged), *_repeated(judged), *_stale(judged, now, stale_days)):
        found[finding.check].append(finding)
    return Quality(
        documents=len(judged),
        counts={check: len(found[check]) for check in CHECKS if found[check]},
        findings=tuple(finding for check in CHECKS for finding in found[check][:_EXAMPLES]),
        languages=dict(Counter(each.traits.language for each in judged).most_common()),
        stale_days=stale_days,
    )


def _alone(judged: Sequence[Judged]) -> Iterator[Finding]:
    """What is wrong with a document whatever the others say."""
    for each in judged:
        seen = each.traits
        if not seen.words:
            yield _finding(each, "empty", "no words")
            continue
        if seen.lost >= _LOST and seen.lost * seen.words >= _LEAST_LOST:
            yield _finding(each, "garbled", f"{seen.lost:.0%} of the words have lost or misread characters")
        elif seen.unlikely >= _UNLIKELY and seen.prose >= _LEAST_PROSE:
            yield _finding(each, "garbled", f"{seen.unlikely:.0%} of the longer words have no vowel")
        if seen.words < _SHORT:
            yield _finding(each, "short", f"{seen.words} word{'' if seen.words == 1 else 's'}")
        if seen.prose >= _LONG and not seen.headings:
            yield _finding(each, "unstructured", f"{seen.prose:,} words and no heading")
        if seen.longest >= _UNBROKEN:
            yield _finding(each, "unbroken", f"a paragraph of {seen.longest:,} words")


def _repeated(judged: Sequence[Judged]) -> Iterator[Finding]:
    """What says again what another document says. Of the same texts one stands for all where nearly the same ones are looked for."""
    by_text: defaultdict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.traits.words:
            by_text[each.traits.same].append(each)
    for group in by_text.values():
        for each in group if len(group) > 1 else ():
            others = tuple(other.document for other in group if other is not each)
            yield _finding(each, "duplicate", f"the same text as {_counted(len(others))}", others)
    first = {group[0].document: group[0] for group in by_text.values()}
    near: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    sketches = {document: each.traits.sketch for document, each in first.items() if each.traits.words >= _SHORT}
    for one, other, share in alike(sketches, _NEAR):
        near[one].append((share, other))
        near[other].append((share, one))
    for document, shares in near.items():
        most = max(share for share, _ in shares)
        others = tuple(other for _, other in sorted(shares, reverse=True))
        yield _finding(first[document], "near-duplicate", f"about {most:.0%} of the text of another document", others)


def _stale(judged: Sequence[Judged], now: datetime, days: int) -> Iterator[Finding]:
    old = [each for each in judged if now - each.updated >= timedelta(days=days)]
    for each in sorted(old, key=lambda each: (each.updated, each.document)):
        yield _finding(each, "stale", f"not changed for {(now - each.updated).days:,} days")


def _finding(judged: Judged, check: Check, detail: str, others: Sequence[str] = ()) -> Finding:
    return Finding(check, judged.document, judged.title, judged.path, detail, tuple(others))


def _counted(documents: int) -> str:
    return f"{documents} other document{'' if documents == 1 else 's'}"
