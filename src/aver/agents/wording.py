"""How closely a claim keeps to the words of a text, whatever they mean: people find what was put together anew wrong more often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from aver.knowledge.lexical import analyze

__all__ = ["closeness"]

_WORD = re.compile(r"\w+")
_STRETCHES, _TOGETHER = 0.6, 0.3
"""Weights, chosen by hand on QAGS (``bench/answers.py``): the claim's stretches of four words that the text has, and the pairs of its terms
that stand in one sentence there."""
_STRETCH = 4
_MOST_TERMS = 40


def closeness(claim: str, sentences: Sequence[str]) -> float:
    """From 0, nothing in common, to 0.9, all of the claim from one sentence of the text."""
    said = _WORD.findall(claim.lower())
    if not said or not sentences:
        return 0.0
    words, stretches, theirs = _written(tuple(sentences))
    mine = list(_stretches(said))
    found = _STRETCHES * (sum(each in stretches for each in mine) / len(mine) if mine else said[0] in words)
    terms = list(dict.fromkeys(analyze(claim)))[:_MOST_TERMS]
    pairs = list(combinations(terms, 2))
    together = sum(any(one in each and other in each for each in theirs) for one, other in pairs)
    return found + _TOGETHER * (together / len(pairs) if pairs else 1.0)


@lru_cache(maxsize=64)
def _written(
    sentences: tuple[str, ...],
) -> tuple[frozenset[str], frozenset[tuple[str, ...]], tuple[frozenset[str], ...]]:
    """The words of a text, its stretches, and the terms of each sentence."""
    words = [word for sentence in sentences for word in _WORD.findall(sentence.lower())]
    return frozenset(words), frozenset(_stretches(words)), tuple(frozenset(analyze(each)) for each in sentences)


def _stretches(words: Sequence[str]) -> zip[tuple[str, ...]]:
    return zip(*(words[at:] for at in range(_STRETCH)), strict=False)
