"""How well each sentence of the passages answers a question, and whether any does."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import Stemmer
from numpy.typing import NDArray

from aver.core.sentences import sentences
from aver.gateway.adapters.answer_types import answer_type, holds
from aver.gateway.types import Embedder, Passage

__all__ = ["Candidate", "Scored", "score"]

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
"""What a sentence's score is made of, with weights. Fitted with a softmax over the sentences of each question of XQuAD and ClapNQ
(development halves), rounded."""

_SIGNS = {"cosine": 8.0, "coverage": 1.5, "passage_coverage": 2.5, "names": 1.0, "no_kind": -0.6}
_BIAS = -6.2
"""What the belief that the passages answer at all is made of: log odds, by logistic regression on the same questions, half of them
with the passage that answers taken away."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]*|\d[\d,.]*\d|\d)")
_STOP_WORDS = frozenset(
    "a about above after again all also am an and any are as at be because been before being below between both but by can "
    "could did do does doing down during each few for from further get got had has have having he her here hers him his how i "
    "if in into is it its itself just kind many may me might more most much must my name no nor not now of off on once one "
    "only or other our out over own please s same shall she should so some such than that the their them then there these "
    "they this those through to too type under until up us very was we were what when where which while who whom whose why "
    "will with would you your called give is tell".split()
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage, ``passages[passage].text[start:end] == text``, the ``position``-th (from 0) in it."""

    passage: int
    position: int
    start: int
    end: int
    text: str

    @property
    def asks(self) -> bool:
        """A question answers nothing, though what follows it may."""
        return self.text.rstrip("\"'”’)* ").endswith("?")


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
    stems = _Stems()
    words = [frozenset(stems(candidate.text)) for candidate in every]
    question = _Question(text, stems, words)
    contexts = _contexts(every, words, [frozenset(stems(passage.title)) for passage in passages])
    kept = _kept([question.coverage(context) for context in contexts])
    candidates = [every[index] for index in kept]
    vectors = embedder.embed([text, *(candidate.text for candidate in candidates)])
    cosines = _replying(candidates, vectors[1:] @ vectors[0])
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
    scores[[candidate.asks for candidate in candidates]] = -np.inf
    best = int(scores.argmax())
    read = frozenset().union(
        *(words[index] for index, each in enumerate(every) if each.passage == candidates[best].passage)
    )
    odds = _odds(
        question,
        features[best],
        float(cosines.max()),
        read | frozenset(stems(passages[candidates[best].passage].title)),
    )
    return Scored(tuple(candidates), scores, vectors[1:], odds if np.isfinite(scores[best]) else -math.inf)


class _Stems:
    """Content words, reduced to their stems. A stemmer serves one thread, so each question makes its own."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")

    def __call__(self, text: str) -> list[str]:
        words = (word.lower().replace("’", "'").removesuffix("'s") for word in _WORD.findall(text))
        return list(self._stemmer.stemWords([word for word in words if word not in _STOP_WORDS]))


class _Question:
    """What is looked for: content words, names, and a kind of answer."""

    def __init__(self, text: str, stems: _Stems, sentences: Sequence[frozenset[str]]) -> None:
        self._words = frozenset(word.lower() for word in _WORD.findall(text))
        self._kind = answer_type(text)
        self.names = frozenset(stem for name in _NAME.findall(text) for stem in stems(name))
        # Rare words weigh more, and most those that no sentence has: inverse document frequency as BM25 has it.
        self._weights = {
            term: math.log(1 + (len(sentences) + 1) / (sum(term in sentence for sentence in sentences) + 0.5))
            for term in stems(text)
        }

    def coverage(self, stems: frozenset[str]) -> float:
        """Share in [0, 1] of the question's content words, by weight, that are among ``stems``."""
        total = sum(self._weights.values())
        return sum(weight for term, weight in self._weights.items() if term in stems) / total if total else 0.0

    def is_answered_in_kind(self, sentence: str) -> bool:
        return self._kind is not None and holds(self._kind, sentence, self._words)

    @property
    def asks_for_a_kind(self) -> bool:
        return self._kind is not None


def _candidates(passages: Sequence[Passage]) -> list[Candidate]:
    found = (
        Candidate(number, position, start, end, passage.text[start:end])
        for number, passage in enumerate(passages)
        for position, (start, end) in enumerate(sentences(passage.text))
    )
    return list(itertools.islice(found, _MOST_READ))


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


def _odds(question: _Question, best: NDArray[np.float64], nearest: float, read: frozenset[str]) -> float:
    """Log odds that the passages answer, from the features of the ``best`` sentence, the cosine of the ``nearest``, and the stems
    of the best one's passage, ``read``."""
    cosine, coverage, kind = best[0], best[1], best[5]
    signs = {
        "cosine": (cosine + nearest) / 2,
        "coverage": coverage,
        "passage_coverage": question.coverage(read),
        "names": len(question.names & read) / len(question.names) if question.names else 0.5,
        "no_kind": float(question.asks_for_a_kind and not kind),
    }
    return float(sum(weight * signs[name] for name, weight in _SIGNS.items()) + _BIAS)
