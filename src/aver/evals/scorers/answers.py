"""Whether questions with an answer are answered, rightly, and those without are not; and what the confidence to answer is worth."""

from __future__ import annotations

from typing import Any

from aver.evals.scorers.holding import holds, says
from aver.evals.scorers.kinds import NOTHING, SEARCH, Judge, Kind, Means, Score, rate, references
from aver.evals.types import Case, Cited, Gold, Response

__all__ = ["ANSWERS", "CONFIDENCE", "RIGHT_IF_GIVEN"]

CONFIDENCE = "confidence"
"""Log odds, above nothing: no ratio is made of them, but an area and a curve over all cases."""
RIGHT_IF_GIVEN = "right_if_given"
_CERTAIN = 100.0
"""Log odds beyond which confidence is not told apart."""


def _make(settings: Any, means: Means) -> Judge:
    del settings

    def judge(case: Case, response: Response) -> Score:
        if case.refuse or response.mode == SEARCH:
            return NOTHING
        gold = Gold() if case.unanswerable else means.gold(case)
        known = bool(gold.documents or gold.anywhere)
        if not case.unanswerable and not known and not references(case):
            return NOTHING
        found: dict[str, tuple[float, float]] = {}
        given = not response.abstained and not response.refused
        right = not case.unanswerable and _right(case, response, gold)
        if case.unanswerable:
            found["held_back"] = rate(not given)
        else:
            found["answered"] = rate(given)
            if known and response.looked is not None:
                found["gold_in_context"] = rate(any(holds(each, gold) for each in response.looked))
            if known and response.citations is not None:
                found["gold_in_citations"] = rate(right)
        if given:
            found["right_of_answered"] = rate(right)
            found[RIGHT_IF_GIVEN] = rate(right)
        elif (held := response.details.get("held_back")) is not None or case.unanswerable:
            # What was not shown is known where it was written all the same, and is never right where there is no answer.
            kept = [Cited(**each) for each in held or ()]
            found[RIGHT_IF_GIVEN] = rate(not case.unanswerable and any(holds(each, gold) for each in kept))
        if response.confidence is not None:
            found[CONFIDENCE] = max(-_CERTAIN, min(response.confidence, _CERTAIN)), 0.0
        return found, _why(case, given, right)

    return judge


def _right(case: Case, response: Response, gold: Gold) -> bool:
    """By what it cites; of a target that cites nothing, or a case that says nothing of documents, by what it says."""
    if response.citations is not None and (gold.documents or gold.anywhere):
        return any(holds(each, gold) for each in response.citations)
    return says(response.text, (*references(case), *gold.anywhere))


def _why(case: Case, given: bool, right: bool) -> str:
    if case.unanswerable:
        return "answers what the documents do not" if given else ""
    return "" if right else "does not say what the labels do" if given else "does not answer"


ANSWERS = Kind(
    "answers",
    "answered where there is an answer, held back where there is none, and right by what is cited or said",
    ("answered", "held_back", "right_of_answered", "gold_in_context", "gold_in_citations", RIGHT_IF_GIVEN, "auroc"),
    _make,
)
