"""How closely a claim keeps to the words of a text, whatever they mean: people find what was put together anew wrong more often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from aver.knowledge.lexical import analyze

__all__ = ["closeness"]

_WORD = re.compile(r"\w+")
_WORDS, _STRETCHES, _TOGETHER = 0.6, 0.2, 0.3
"""Weights, chosen on half of QAGS (``bench/answers.py``): the claim's words that the text has, its stretches of four words that the text
has, and the pairs of its terms that stand in one sentence there."""
_STRETCH = 4
_MOST_TERMS = 40


def closeness(claim: str, sentences: Sequence[str]) -> float:
    """From 0, nothing in common, to 1.1, all of the claim from one sentence of the text."""
    said = _WORD.findall(claim.lower())
    if not said or not sentences:
        return 0.0
    read = [_WORD.findall(sentence.lower()) for sentence in sentences]
    flat = [word for words in read for word in words]
    known, stretches = set(flat), set(_stretches(flat))
    mine = list(_stretches(said))
    found = _WORDS * sum(word in known for word in said) / len(said)
    found += _STRETCHES * (sum(each in stretches for each in mine) / len(mine) if mine else said[0] in known)
    terms = list(dict.fromkeys(analyze(claim)))[:_MOST_TERMS]
    theirs = [frozenset(analyze(sentence)) for sentence in sentences]
    pairs = list(combinations(terms, 2))
    together = sum(any(one in each and other in each for each in theirs) for one, other in pairs)
    return found + _TOGETHER * (together / len(pairs) if pairs else 1.0)


def _stretches(words: Sequence[str]) -> zip[tuple[str, ...]]:
    return zip(*(words[at:] for at in range(_STRETCH)), strict=False)
