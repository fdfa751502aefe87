"""The built-in model: answers in sentences of the passages, word for word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

import numpy as np

from aver.gateway.adapters.extractive_scoring import Candidate, Scored, score
from aver.gateway.types import ChatDelta, ChatRequest, Embedder, Mode, Usage

__all__ = ["Extractive"]

_LEAST_ODDS = -1.0
"""Log odds that the passages answer at all, below which nothing is written. Below even: questions of people share fewer words with their
answers than those of the data sets that the odds come from, and what is written is a quotation that can be judged by itself. On XQuAD
94 % of the questions whose passage is there are answered so, and 77 % of those whose passage was taken away are not."""
_MOST = 3
_MOST_ITEMS = 8
"""Items of a list that follow the sentence which introduces it."""
_BEHIND, _BEHIND_ELSEWHERE = 3.5, 2.5
"""How far behind the best sentence's score another may be, in the same passage and in others."""
_SAME = 0.93
"""Cosine at which two sentences say the same."""


class Extractive:
    """A :class:`~aver.gateway.types.Provider` without a language model: it writes up to three sentences of the request's passages, each
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
            for candidate in choose(scored):
                yield ChatDelta(f"{candidate.text} [{request.passages[candidate.passage].number}]\n")
        yield ChatDelta(finish="stop", usage=Usage())

    async def close(self) -> None:
        """Nothing is open."""


def choose(scored: Scored) -> list[Candidate]:
    """The sentences to write: the best, those nearly as good that say something else, and the items of a list that one of them
    introduces. The passage of the best comes first; within a passage the order is the document's."""
    chosen: list[int] = []
    by_score = np.argsort(-scored.scores, kind="stable")
    best = int(by_score[0])
    for index in map(int, by_score):
        behind = scored.scores[best] - scored.scores[index]
        if len(chosen) == _MOST or not behind <= _BEHIND:
            break
        elsewhere = scored.candidates[index].passage != scored.candidates[best].passage
        if not (elsewhere and behind > _BEHIND_ELSEWHERE) and not _said(scored, index, chosen):
            chosen.append(index)
    ranks: dict[int, int] = {}
    for index in chosen:
        ranks.setdefault(scored.candidates[index].passage, len(ranks))
    written = {index for lead in chosen for index in (lead, *_items(scored.candidates, lead))}
    found = [scored.candidates[index] for index in written]
    return sorted(found, key=lambda candidate: (ranks[candidate.passage], candidate.position))


def _said(scored: Scored, index: int, chosen: Sequence[int]) -> bool:
    """Whether a chosen sentence says the same."""
    text = " ".join(scored.candidates[index].text.casefold().split())
    return any(
        float(scored.vectors[index] @ scored.vectors[other]) >= _SAME
        or text in " ".join(scored.candidates[other].text.casefold().split())
        for other in chosen
    )


def _items(candidates: Sequence[Candidate], lead: int) -> Iterator[int]:
    """The list that ``candidates[lead]`` introduces with a colon, if it does."""
    if not candidates[lead].text.endswith(":"):
        return
    for index in range(lead + 1, min(len(candidates), lead + 1 + _MOST_ITEMS)):
        item, due = candidates[index], candidates[lead].position + index - lead
        if not item.inside or (item.passage, item.position) != (candidates[lead].passage, due):
            return
        yield index
