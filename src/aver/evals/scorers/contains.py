"""Whether a response says the reference somewhere."""

from __future__ import annotations

from dataclasses import dataclass

from aver.evals.labels import occurrences
from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, rate, references
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Boolean, Field, ListOf
from aver.gateway.config.words import TEXT, record

__all__ = ["CONTAINS"]


@dataclass(frozen=True, slots=True)
class Contains:
    every: bool = False
    texts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def _make(settings: Contains, means: Means) -> Judge:
    del means

    def judge(case: Case, response: Response) -> Score:
        texts = settings.texts or (() if settings.absent else references(case))
        if not texts and not settings.absent:
            return NOTHING
        found = [_says(response.text, each) for each in texts]
        missing = [each for each, there in zip(texts, found, strict=True) if not there]
        wrong = [each for each in settings.absent if _says(response.text, each)]
        right = (all(found) if settings.every else not texts or any(found)) and not wrong
        why = f"says {wrong[0]!r}" if wrong else f"does not say {missing[0]!r}" if not right else ""
        return {"contains": rate(right)}, why

    return judge


def _says(text: str, words: str) -> bool:
    return next(occurrences(text, words), None) is not None


CONTAINS = Kind(
    "contains",
    "the response says the reference somewhere, as whole words, case and white space aside",
    ("contains",),
    _make,
    record(
        Contains,
        every=Field(Boolean(), "All of the references rather than any."),
        texts=Field(ListOf(TEXT, least=1), "What is to be said, in place of the case's references."),
        absent=Field(ListOf(TEXT, least=1), "What must not be said."),
    ),
    Contains(),
)
