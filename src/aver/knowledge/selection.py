"""After ranking: several queries' results as one, near-duplicates as one, and not all from one document.

Pure functions over hits that the principal may read; nothing is looked up, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from aver.knowledge.lexical import analyze
from aver.knowledge.types import Hit

__all__ = ["collapsed", "diverse", "fused"]

_EARLY = 10
"""How much the first ranks count above later ones: 1 / (10 + rank), reciprocal rank fusion (Cormack et al., 2009)."""
_DENIALS = frozenset({"no", "not", "never", "without"})
_SHINGLE = 3
_SAME = 0.8
"""Share of three-word stretches in common (of both texts' together) at which two passages say the same."""
_LIKENESS = 0.3
"""What likeness to those already chosen takes off a score that counts from 0 to 1 (maximal marginal relevance: Carbonell and
Goldstein, 1998)."""


def fused(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Each passage once, in the order of its reciprocal ranks over all ``rankings``, of which the first counts twice; with its best
    score. A single ranking stays as it is."""
    if len(rankings) == 1:
        return list(rankings[0])
    weights: dict[str, float] = {}
    best: dict[str, Hit] = {}
    for number, ranking in enumerate(rankings):
        for rank, hit in enumerate(ranking):
            weights[hit.passage] = weights.get(hit.passage, 0.0) + (1 if number else 2) / (_EARLY + rank)
            known = best.get(hit.passage)
            best[hit.passage] = hit if known is None or hit.score > known.score else known
    return sorted(best.values(), key=lambda hit: (-weights[hit.passage], hit.document, hit.start))


def collapsed(hits: Sequence[Hit]) -> list[Hit]:
    """``hits`` without those that say the same as one before them, each of which is noted in the one that stays."""
    kept: list[Hit] = []
    read: list[_Read] = []
    for hit in hits:
        mine = _read(hit.text)
        twin = next((at for at, theirs in enumerate(read) if mine.says_as(theirs)), None)
        if twin is None:
            kept.append(hit)
            read.append(mine)
        elif (pair := (hit.document, hit.version)) != (kept[twin].document, kept[twin].version):
            also = tuple(dict.fromkeys((*kept[twin].also, pair)))
            kept[twin] = replace(kept[twin], also=also)
    return kept


def diverse(hits: Sequence[Hit], limit: int) -> list[Hit]:
    """The first ``limit``; where these are all of one document though others were found, chosen for being unlike each other too. The
    first stays first."""
    if limit < 2 or len(hits) <= limit or len({hit.document for hit in hits[:limit]}) > 1:
        return list(hits[:limit])
    terms = {hit.passage: frozenset(analyze(hit.text)) for hit in hits}
    most = max(hit.score for hit in hits) or 1.0
    chosen, rest = [hits[0]], list(hits[1:])
    while rest and len(chosen) < limit:

        def worth(hit: Hit, chosen: Sequence[Hit] = tuple(chosen)) -> float:
            alike = max(_alike(hit, other, terms) for other in chosen)
            return (1 - _LIKENESS) * hit.score / most - _LIKENESS * alike

        best = max(rest, key=worth)
        rest.remove(best)
        chosen.append(best)
    return chosen


def _alike(one: Hit, other: Hit, terms: Mapping[str, frozenset[str]]) -> float:
    """Half for being of one document, half for words in common."""
    return (one.document == other.document) / 2 + _common(terms[one.passage], terms[other.passage]) / 2


class _Read(NamedTuple):
    """The stretches of words of a text, and its figures and denials, on which two that say the same agree."""

    stretches: frozenset[tuple[str, ...]]
    decisive: frozenset[str]

    def says_as(self, other: _Read) -> bool:
        return self.decisive == other.decisive and _common(self.stretches, other.stretches) >= _SAME


def _read(text: str) -> _Read:
    words = analyze(text)
    stretches = frozenset(zip(*(words[at:] for at in range(_SHINGLE)), strict=False)) or frozenset([tuple(words)])
    return _Read(stretches, frozenset(word for word in words if word in _DENIALS or any(map(str.isdigit, word))))


def _common(one: frozenset[object], other: frozenset[object]) -> float:
    """Jaccard's index."""
    return len(one & other) / len(one | other) if one or other else 1.0
