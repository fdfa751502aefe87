"""Which questions of many ask the same: in the same words, in nearly the same, or, given an embedder, in others.

Two texts whose numbers or negations differ are never alike, however many words they share: "in 2024" and "in 2025" ask two things.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aver.gateway.types import Embedder

__all__ = ["LEAST", "Alike", "Asked", "Known", "alike", "form"]

LEAST = 0.6
"""Share of words and pairs of words in common (Jaccard) at which two questions are nearly the same: one word of six changed."""
_NEAR = 0.92
"""Cosine at which they mean the same; where :data:`aver.gateway.cache.likeness.NEAR` stands too."""
_A_BLOCK = 512
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_NEGATIONS = frozenset("not no never without nor neither none nobody nothing cannot".split())  # noqa: SIM905 - words, read as words


@dataclass(frozen=True, slots=True)
class Alike:
    """Two texts by their places in the list that was given, ``one`` before ``other``, and how alike they are, from 0 to 1."""

    one: int
    other: int
    share: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared of a text."""

    parts: frozenset[str]
    fixed: tuple[frozenset[str], int]
    """What must be equal: its numbers, and how often it denies."""

    @classmethod
    def of(cls, text: str) -> Asked:
        words = form(text).split()
        pairs = (f"{one} {other}" for one, other in pairwise(words))
        numbers = frozenset(word for word in words if any(map(str.isdigit, word)))
        return cls(frozenset([*words, *pairs]), (numbers, sum(map(_denies, words))))

    def share(self, other: Asked) -> float:
        """Jaccard's index of their words and pairs of words; 0 where what must be equal is not."""
        if self.fixed != other.fixed:
            return 0.0
        common = len(self.parts & other.parts)
        return common / (len(self.parts) + len(other.parts) - common) if common else 0.0


class Known:
    """Texts that were met before, one after the other."""

    def __init__(self, least: float = LEAST) -> None:
        self._least = least
        self._asked: list[Asked] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, text: str) -> None:
        asked = Asked.of(text)
        for part in _telling(asked):
            self._holders[part].append(len(self._asked))
        self._asked.append(asked)

    def find(self, text: str) -> int | None:
        """The place of the text, in the order in which they were added, that is most like this one; ``None`` where none is alike."""
        asked = Asked.of(text)
        met = sorted({place for part in _telling(asked) for place in self._holders[part]})
        shares = [(asked.share(self._asked[place]), -place) for place in met]
        share, place = max(shares, default=(0.0, 0))
        return -place if share >= self._least else None


def form(text: str) -> str:
    """``text`` without what makes no difference: case, punctuation, white space."""
    return " ".join(_WORD.findall(text.casefold().replace("\u2019", "'")))


def alike(texts: Sequence[str], least: float = LEAST, embedder: Embedder | None = None) -> Iterator[Alike]:
    """Pairs of texts that are alike, each once. Empty texts are like nothing.

    By words no pair is missed: two sets with a Jaccard index of ``least`` share one of their rarest members, as many as ``least`` allows to
    differ and one more (prefix filtering: Chaudhuri, Ganti, Kaushik, "A primitive operator for similarity joins", 2006). By meaning
    every pair is compared, so that is for thousands of texts, not for hundreds of thousands.
    """
    asked = [Asked.of(text) for text in texts]
    seen = set()
    for found in _by_words(asked, least):
        seen.add((found.one, found.other))
        yield found
    if embedder is not None:
        yield from (found for found in _by_meaning(texts, asked, embedder) if (found.one, found.other) not in seen)


def _by_words(asked: Sequence[Asked], least: float) -> Iterator[Alike]:
    counts = Counter(part for each in asked for part in each.parts)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(asked):
        size = len(each.parts)
        rarest = sorted(each.parts, key=lambda part: (counts[part], part))
        prefix = rarest[: size - math.ceil(least * size) + 1]
        for before in sorted({one for part in prefix for one in holders[part]}):
            share = each.share(asked[before])
            if share >= least:
                yield Alike(before, place, share)
        for part in prefix:
            holders[part].append(place)


def _by_meaning(texts: Sequence[str], asked: Sequence[Asked], embedder: Embedder) -> Iterator[Alike]:
    places = [place for place, each in enumerate(asked) if each.parts]
    if not places:
        return
    vectors = embedder.embed([texts[place] for place in places])
    for start in range(0, len(places), _A_BLOCK):
        cosines = vectors[start : start + _A_BLOCK] @ vectors.T
        for row, column in np.argwhere(cosines >= _NEAR).tolist():
            one, other = places[start + row], places[column]
            if one < other and asked[one].fixed == asked[other].fixed:
                yield Alike(one, other, min(1.0, float(cosines[row, column])))


def _telling(asked: Asked) -> list[str]:
    """Parts of which two that are alike share one: pairs of words, since without a common pair no more than half is common."""
    pairs = [part for part in asked.parts if " " in part]
    return pairs or list(asked.parts)


def _denies(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")
