"""The built-in model: answers in sentences of the passages, word for word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import numpy as np

from aver.gateway.adapters.extractive_scoring import Candidate, Scored, score
from aver.gateway.types import ChatDelta, ChatRequest, Embedder, Mode, Passage, Usage

__all__ = ["Extractive"]

_LEAST_ODDS = 0.0
"""Log odds that the passages answer at all, below which nothing is written."""
_MOST = 4
_MOST_ITEMS = 8
"""Items of a list that follow the sentence which introduces it."""
_BEHIND = 2.5
"""How far behind the best sentence's score another may be."""
_SAME = 0.93
"""Cosine at which two sentences say the same."""


class Extractive:
    """A :class:`~aver.gateway.types.Provider` without a language model: it writes up to four sentences of the request's passages, each
    followed by `` [n]`` and a line break, and nothing at all when none seems to answer.

    ``request.question`` and ``request.passages`` are what it reads; ``request.messages`` is not. Nothing is kept between requests.
    """

    name = "extractive:sentences-1"
    mode: Mode = "extractive"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """One delta a sentence, and the end. It costs nothing: its usage is zero tokens."""
        scored = await asyncio.to_thread(score, request.question, request.passages, self._embedder)
        if scored is not None and scored.odds >= _LEAST_ODDS:
            for candidate in choose(scored, request.passages):
                yield ChatDelta(f"{candidate.text} [{request.passages[candidate.passage].number}]\n")
        yield ChatDelta(finish="stop", usage=Usage())

    async def close(self) -> None:
        """Nothing is open."""


def choose(scored: Scored, passages: Sequence[Passage]) -> list[Candidate]:
    """The sentences to write: the best, those nearly as good that say something else, and the items of a list that one of them
    introduces. The passage of the best comes first; within a passage the order is the document's."""
    chosen: list[int] = []
    by_score = np.argsort(-scored.scores, kind="stable")
    for index in map(int, by_score):
        if len(chosen) == _MOST or scored.scores[index] < scored.scores[by_score[0]] - _BEHIND:
            break
        if not _said(scored, index, chosen):
            chosen.append(index)
    ranks: dict[int, int] = {}
    for index in chosen:
        ranks.setdefault(scored.candidates[index].passage, len(ranks))
    written = {index: None for first in chosen for index in (first, *_items(scored.candidates, first, passages))}
    inside = [index for index in written if scored.candidates[index].passage in ranks]
    inside.sort(key=lambda index: (ranks[scored.candidates[index].passage], scored.candidates[index].position))
    return [scored.candidates[index] for index in inside]


def _said(scored: Scored, index: int, chosen: Sequence[int]) -> bool:
    """Whether a chosen sentence says the same."""
    text = " ".join(scored.candidates[index].text.casefold().split())
    return any(
        float(scored.vectors[index] @ scored.vectors[other]) >= _SAME
        or text in " ".join(scored.candidates[other].text.casefold().split())
        for other in chosen
    )


def _items(candidates: Sequence[Candidate], lead: int, passages: Sequence[Passage]) -> Iterator[int]:
    """The list that ``candidates[lead]`` introduces with a colon, if it does."""
    if not candidates[lead].text.endswith(":"):
        return
    for index in range(lead + 1, min(len(candidates), lead + 1 + _MOST_ITEMS)):
        item = candidates[index]
        text = passages[item.passage].text
        line = text.rfind("\n", 0, item.start) + 1
        follows = (item.passage, item.position) == (candidates[lead].passage, candidates[lead].position + index - lead)
        if not follows or not text[line : item.start].strip():
            return
        yield index
