"""Whether citations point where the labels do, and to all of it."""

from __future__ import annotations

from typing import Any

from aver.evals.scorers.holding import holds
from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score
from aver.evals.types import Case, Cited, Gold, Response

__all__ = ["CITATIONS"]


def _make(settings: Any, means: Means) -> Judge:
    del settings

    def judge(case: Case, response: Response) -> Score:
        cited = response.citations
        if cited is None or case.unanswerable or case.refuse:
            return NOTHING
        gold = means.gold(case)
        if not (gold.documents or gold.anywhere):
            return NOTHING
        found: dict[str, tuple[float, float]] = {}
        if cited:
            right = sum(each.document in gold.documents or holds(each, gold) for each in cited)
            found["citation_precision"] = float(right), float(len(cited))
        met, wanted = _met(cited, gold)
        if wanted and not response.abstained:
            found["citation_recall"] = float(met), float(wanted)
        return found, ""

    return judge


def _met(cited: tuple[Cited, ...], gold: Gold) -> tuple[int, int]:
    """How many of the labelled documents are cited, of how many. Where only words are labelled, any of them will do."""
    if gold.documents:
        return len(gold.documents & {each.document for each in cited}), len(gold.documents)
    return int(any(holds(each, gold) for each in cited)), 1


CITATIONS = Kind(
    "citations",
    "the share of citations that point to what is labelled, and of labelled documents that are cited",
    ("citation_precision", "citation_recall"),
    _make,
)
