"""How good a ranking is, given what is relevant: the field's measures, each of one query.

A ranking lists distinct things, best first; ``relevance`` gives the gain of those that are relevant, above 0, and needs at least one.
Precision and recall at k, reciprocal rank, discounted cumulative gain: Manning, Raghavan and Schütze, "Introduction to Information
Retrieval" (2008), chapter 8; nDCG after Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

__all__ = ["hit", "ndcg", "precision", "recall", "reciprocal_rank"]

T = TypeVar("T", bound=Hashable)


def precision(ranking: Sequence[T], relevance: Mapping[T, float], k: int) -> float:
    """The share of the first ``k`` places that hold something relevant; a place left empty holds nothing."""
    return sum(each in relevance for each in ranking[:k]) / k


def recall(ranking: Sequence[T], relevance: Mapping[T, float], k: int) -> float:
    """The share of what is relevant that stands among the first ``k``."""
    return sum(each in relevance for each in ranking[:k]) / len(relevance)


def hit(ranking: Sequence[T], relevance: Mapping[T, float], k: int) -> float:
    """1 if anything relevant stands among the first ``k``, else 0 (also called success at k)."""
    return float(any(each in relevance for each in ranking[:k]))


def reciprocal_rank(ranking: Sequence[T], relevance: Mapping[T, float]) -> float:
    """1 over the rank of the first that is relevant, 0 if none is; its mean over queries is the MRR."""
    return next((1 / rank for rank, each in enumerate(ranking, 1) if each in relevance), 0.0)


def ndcg(ranking: Sequence[T], relevance: Mapping[T, float], k: int) -> float:
    """Discounted cumulative gain over that of the best ranking there is. Gain is linear and the discount ``log2(rank + 1)``, as
    trec_eval has them."""
    best = sorted(relevance.values(), reverse=True)
    return _dcg([relevance.get(each, 0.0) for each in ranking[:k]]) / _dcg(best[:k])


def _dcg(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
