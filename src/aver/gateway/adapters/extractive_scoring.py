"""How well each sentence of the passages answers a question, and whether any does."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aver.core.sentences import sentences
from aver.gateway.adapters.abstention import log_odds
from aver.gateway.adapters.question_words import Question, Stems
from aver.gateway.types import Embedder, Passage

__all__ = ["Candidate", "Scored", "score"]

_STATES = re.compile(r"\d|[:|]|[^\w\s]$")
"""What a heading lacks: a figure, a colon, a table's bar, a mark at the end."""
_MOST_EMBEDDED = 60
"""Sentences that are embedded; of more, those that share least with the question are left out."""
_MOST_READ = 2_000
"""Sentences that are looked at, in order of the passages."""

_FEATURES = {
    "cosine": 4.5,  # of the sentence and the question, or of the question that the sentence replies to
    "coverage": 3.5,  # share of the question's words, by weight, that the sentence has
    "context": 4.0,  # the same with its neighbours and the passage's title
    "passage": 3.5,  # mean cosine of the passage's two nearest sentences
    "rank": 2.0,  # 1 / position of the passage
    "kind": 1.6,  # holds the kind of answer that is asked for
}
"""What a sentence's score is made of, in the order of its columns, with weights. Fitted with a softmax over the sentences of each question of XQuAD and ClapNQ
(development halves), rounded."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage, ``passages[passage].text[start:end] == text``, the ``position``-th (from 0) in it. ``inside`` says that
    something stands before it on its line: a list item's marker, or another sentence; ``last``, that the passage ends with it."""

    passage: int
    position: int
    start: int
    end: int
    text: str
    inside: bool
    last: bool

    @property
    def asks(self) -> bool:
        """Whether it is a question, which answers nothing, though what follows it may."""
        return self.text.rstrip("\"'\u201d\u2019)* ").endswith("?")

    @property
    def heads(self) -> bool:
        """Whether it looks like a heading of what follows: a short line without a figure or a full stop."""
        return not self.inside and not self.last and len(self.text.split()) <= 8 and not _STATES.search(self.text)


@dataclass(frozen=True, slots=True)
class Scored:
    """Sentences in the order of the passages, with their scores (comparable within one question; ``-inf`` for what cannot be an
    answer) and unit vectors, and the log odds that any of them answers."""

    candidates: tuple[Candidate, ...]
    scores: NDArray[np.float64]
    vectors: NDArray[np.float32]
    odds: float


def score(text: str, passages: Sequence[Passage], embedder: Embedder) -> Scored | None:
    """Every sentence of the passages scored for the question ``text``; ``None`` when there is no question or no sentence."""
    every = _candidates(passages)
    if not every or not text.strip():
        return None
    stems = Stems()
    words = [stems(candidate.text) for candidate in every]
    question = Question(text, stems, words)
    contexts = _contexts(every, words, [stems(passage.title) for passage in passages])
    kept = _kept([question.coverage(context) for context in contexts])
    candidates = [every[index] for index in kept]
    asked, *rows = embedder.embed([text, *(candidate.text for candidate in candidates)])
    vectors = np.array(rows)
    cosines = _replying(candidates, vectors @ asked)
    passage_cosines = _passage_cosines(candidates, cosines)
    features = np.array(
        [
            (
                cosine,
                question.coverage(words[index]),
                question.coverage(contexts[index]),
                passage_cosines[candidate.passage],
                1 / (1 + candidate.passage),
                question.is_answered_in_kind(candidate.text),
            )
            for index, candidate, cosine in zip(kept, candidates, cosines, strict=True)
        ],
        np.float64,
    )
    scores = features @ np.array(list(_FEATURES.values()))
    scores[[candidate.asks or candidate.heads for candidate in candidates]] = -np.inf
    best = int(scores.argmax())
    odds = -math.inf
    if np.isfinite(scores[best]):
        nearness = float(cosines[best] + cosines.max()) / 2
        odds = log_odds(question, asked, candidates[best].text, passages[candidates[best].passage], nearness, embedder)
    return Scored(tuple(candidates), scores, vectors, odds)


def _candidates(passages: Sequence[Passage]) -> list[Candidate]:
    found: list[Candidate] = []
    for number, passage in enumerate(passages):
        spans = sentences(passage.text)
        for position, (start, end) in enumerate(spans):
            line = passage.text.rfind("\n", 0, start) + 1
            inside, last = bool(passage.text[line:start].strip()), position + 1 == len(spans)
            found.append(Candidate(number, position, start, end, passage.text[start:end], inside, last))
        if len(found) >= _MOST_READ:
            break
    return found[:_MOST_READ]


def _contexts(
    candidates: Sequence[Candidate], words: Sequence[frozenset[str]], titles: Sequence[frozenset[str]]
) -> list[frozenset[str]]:
    """The stems of each sentence with those of its neighbours and of its passage's title."""
    contexts = []
    for index, candidate in enumerate(candidates):
        near = range(max(0, index - 1), min(len(candidates), index + 2))
        beside = (words[other] for other in near if candidates[other].passage == candidate.passage)
        contexts.append(titles[candidate.passage].union(*beside))
    return contexts


def _kept(coverage: Sequence[float]) -> list[int]:
    """Which sentences are worth embedding, in order."""
    by_coverage = sorted(range(len(coverage)), key=lambda index: -coverage[index])
    return sorted(by_coverage[:_MOST_EMBEDDED])


def _replying(candidates: Sequence[Candidate], cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sentence after a question is as near as that question: in a list of questions and answers, the questions are what match."""
    raised = cosines.copy()
    for index in range(1, len(candidates)):
        before, here = candidates[index - 1], candidates[index]
        if before.asks and (before.passage, before.position + 1) == (here.passage, here.position):
            raised[index] = max(cosines[index], cosines[index - 1])
    return raised


def _passage_cosines(candidates: Sequence[Candidate], cosines: NDArray[np.float32]) -> dict[int, float]:
    """For each passage, the mean cosine of its two nearest sentences."""
    near: dict[int, list[float]] = {}
    for candidate, cosine in zip(candidates, cosines, strict=True):
        near.setdefault(candidate.passage, []).append(float(cosine))
    return {passage: float(np.mean(sorted(found)[-2:])) for passage, found in near.items()}
