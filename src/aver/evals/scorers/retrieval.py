"""How well what is relevant was found: by document, and by passage where the labels say which."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aver.evals.scorers import ranking
from aver.evals.scorers.holding import says
from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Field, ListOf, Whole
from aver.gateway.config.words import record

__all__ = ["RETRIEVAL", "Retrieval"]

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Retrieval:
    k: tuple[int, ...] = (5, 10)


def _make(settings: Retrieval, means: Means) -> Judge:
    def judge(case: Case, response: Response) -> Score:
        hits = response.ranking
        if hits is None or case.unanswerable:
            return NOTHING
        gold = means.gold(case)
        found: dict[str, tuple[float, float]] = {}
        if gold.documents:
            documents = list(dict.fromkeys(hit.document for hit in hits))
            found |= _measured("", documents, dict.fromkeys(gold.documents, 1.0), settings.k)
        passages = [(hit.document, hit.start) for hit in hits]
        if gold.passages:
            found |= _measured("passage_", passages, dict.fromkeys(gold.passages, 1.0), settings.k)
        elif gold.anywhere:
            holders = {(hit.document, hit.start): 1.0 for hit in hits if says(hit.text, gold.anywhere)}
            found |= _measured("passage_", passages, holders, settings.k, whole=False)
        return found, ""

    return judge


def _measured(
    prefix: str, ranked: Sequence[T], relevance: Mapping[T, float], cutoffs: Sequence[int], *, whole: bool = True
) -> Iterator[tuple[str, tuple[float, float]]]:
    """``whole``: everything that is relevant is known, and not only what was found of it."""
    values = {"mrr": ranking.reciprocal_rank(ranked, relevance)}
    for k in cutoffs:
        values[f"precision@{k}"] = ranking.precision(ranked, relevance, k)
        values[f"hit@{k}"] = ranking.hit(ranked, relevance, k)
        if whole:
            values[f"recall@{k}"] = ranking.recall(ranked, relevance, k)
            values[f"ndcg@{k}"] = ranking.ndcg(ranked, relevance, k)
    return ((prefix + name, (value, 1.0)) for name, value in values.items())


RETRIEVAL = Kind(
    "retrieval",
    "how well the labelled documents and passages are ranked",
    ("mrr", "precision@k", "hit@k", "recall@k", "ndcg@k", "passage_..."),
    _make,
    record(Retrieval, k=Field(ListOf(Whole(1, 100), least=1), "The cut-offs of the measures at k.")),
    Retrieval(),
)
