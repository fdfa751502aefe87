"""Whether a part of a document holds what a case's labels point to."""

from __future__ import annotations

from collections.abc import Iterable

from aver.evals.labels import occurrences
from aver.evals.types import Cited, Gold

__all__ = ["holds", "says"]


def holds(part: Cited, gold: Gold) -> bool:
    if gold.spans:
        return any(span.meets(part.document, part.start, part.end) for span in gold.spans)
    return says(part.text, gold.anywhere) if gold.anywhere else part.document in gold.documents


def says(text: str, strings: Iterable[str]) -> bool:
    """Whether any of them stands in it, as whole words, case and white space aside."""
    return any(next(occurrences(text, each), None) is not None for each in strings)
