"""Whether the passages answer a question at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aver.gateway.adapters.question_words import Question, Stems, content_words
from aver.gateway.types import Embedder, Passage

__all__ = ["log_odds"]

_SIGNS = {"nearness": 9.0, "meaning": 2.0, "names": 0.9, "passage": 1.9, "words": 3.9}
_BIAS = -9.4
"""Weights by logistic regression on half of XQuAD's questions, each with the passages that a search finds and with the one that answers
taken away, and on ClapNQ's, each with its own passage; rounded. By four-fold cross-validation over articles the area under the ROC
curve is .95 on XQuAD and .87 on ClapNQ."""

_UNRELATED, _SYNONYM = 0.3, 0.8
"""Cosine of two single words at which one says nothing of the other, and at which it stands for the other."""
_MOST_WORDS = 40


def log_odds(
    question: Question, asked: NDArray[np.float32], sentence: str, passage: Passage, nearness: float, embedder: Embedder
) -> float:
    """Log odds that ``sentence``, the best of all, and its passage answer the question of vector ``asked``.

    ``nearness`` is the cosine of sentence and question. The other signs: how much of the question's words the sentence and its title have
    in meaning, how many of its names the passage has, how much of its words, and the cosine of the whole passage.
    """
    stems = Stems()
    has = stems(f"{passage.title} {sentence}")
    theirs = list(dict.fromkeys(content_words(f"{passage.title} {sentence}")))[:_MOST_WORDS]
    missing = [stem for stem in question.weights if stem not in has]
    vectors = embedder.embed(
        [f"{passage.title}\n{passage.text}", *theirs, *(question.written[stem] for stem in missing)]
    )
    nearest = dict.fromkeys(question.weights, 1.0)
    if theirs and missing:
        alike = (vectors[1 + len(theirs) :] @ vectors[1 : 1 + len(theirs)].T).max(axis=1)
        nearest |= zip(missing, np.clip((alike - _UNRELATED) / (_SYNONYM - _UNRELATED), 0, 1).tolist(), strict=True)
    total = sum(question.weights.values())
    read = stems(f"{passage.title} {passage.text}")
    signs = {
        "nearness": nearness,
        "meaning": sum(weight * nearest[stem] for stem, weight in question.weights.items()) / total if total else 0.0,
        "names": len(question.names & read) / len(question.names) if question.names else 0.5,
        "passage": float(vectors[0] @ asked),
        "words": question.coverage(read),
    }
    return float(sum(weight * signs[name] for name, weight in _SIGNS.items()) + _BIAS)
