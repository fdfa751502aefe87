"""Whether two questions may have one answer, and whether two answers say the same."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from aver.gateway.types import Embedder

__all__ = ["MEASURED", "NEAR", "same_answer"]

NEAR = 0.92
"""The cosine that two questions of one form must reach as well: what it adds is words that only look inflected alike."""
MEASURED = (23, 268)
"""Wrong of labelled hits in ``bench/semantic_cache.py``'s stream, on the half of the questions that the gate was not made on: as
labelled, errors of the labels included."""
_NEAR_ANSWERS = 0.9
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NAME = re.compile(r"(?<=[^.!?\s] )[A-Z][\w'-]*")
_NEGATIONS = frozenset("not no never without nor neither none nobody nothing cannot".split())  # noqa: SIM905


def same_answer(one: str, other: str, embedder: Embedder) -> bool:
    """Whether nothing of substance tells two answers apart: the same words, or near in meaning with equal numbers, as many negations,
    and the same names but for a third. When in doubt they differ: a cache that is unsure of its answers does not serve them."""
    words, others = _words(one), _words(other)
    if words == others:
        return True
    if set(_NUMBER.findall(one)) != set(_NUMBER.findall(other)) or _negations(words) != _negations(others):
        return False
    names, other_names = set(_NAME.findall(one)), set(_NAME.findall(other))
    if 3 * len(names ^ other_names) > len(names | other_names):
        return False
    vectors: NDArray[np.float32] = embedder.embed([one, other])
    return float(vectors[0] @ vectors[1]) >= _NEAR_ANSWERS


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text.replace("\u2019", "'"))]


def _negations(words: list[str]) -> int:
    return sum(word in _NEGATIONS or word.endswith("n't") for word in words)
