"""A second look at what a search found, by a model that reads question and passage together, within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

from aver.core.errors import AverError
from aver.knowledge.types import Hit

__all__ = ["Outcome", "Reranker", "rerank"]

Outcome = Literal["none", "done", "deadline", "failed"]
"""``none``: nobody was to rerank. ``deadline`` and ``failed``: the order of the search was kept."""


class Reranker(Protocol):
    """``name`` is the model's, as it stands in evidence."""

    name: str

    async def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """How well each text answers ``query``: higher is better, on any scale. Cancelled at the deadline; raises an
        :class:`~aver.core.errors.AverError`."""


async def rerank(
    hits: Sequence[Hit], query: str, reranker: Reranker | None, deadline: float
) -> tuple[list[Hit], Outcome]:
    """``hits`` by falling relevance, equals in the order they came; unchanged after ``deadline`` seconds or a failure.

    Scores are kept in order too: the best score goes to the first, so that they fall with the rank.
    """
    if reranker is None or len(hits) < 2:
        return list(hits), "none"
    texts = ["\n".join(part for part in (hit.title, hit.section, hit.text) if part) for hit in hits]
    try:
        async with asyncio.timeout(deadline):
            relevance = list(await reranker.relevance(query, texts))
    except TimeoutError:
        return list(hits), "deadline"
    except AverError:
        return list(hits), "failed"
    if len(relevance) != len(hits) or any(value != value for value in relevance):  # noqa: PLR0124 - not a number
        return list(hits), "failed"
    order = sorted(range(len(hits)), key=lambda row: -relevance[row])
    scores = sorted((hit.score for hit in hits), reverse=True)
    return [replace(hits[row], score=score) for row, score in zip(order, scores, strict=True)], "done"
