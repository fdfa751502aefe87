"""Questions that ask about the same, grouped by what they mean and named by the words that tell the group from the rest. Pure, and the same for the same questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aver.knowledge.lexical import STOP_WORDS
from aver.ops.feedback.types import Cluster

__all__ = ["clusters_of"]

_NEAR = 0.55
"""Mean cosine down to which two groups ask about the same. Of the built-in embedder's questions of one handbook, two wordings of one question lie above it and
two questions of one chapter below."""
_NAMING = 3
_WORD = re.compile(r"[^\W\d_]{3,}")
_IDLE = STOP_WORDS | frozenset(["after", "before", "many", "may", "might", "much", "must", "not"])


def clusters_of(questions: Mapping[str, str], vectors: NDArray[np.float32]) -> list[Cluster]:
    """The groups of two and more among ``questions`` (text by turn, the worst first), whose unit vectors are the rows of ``vectors``: the largest first.

    Average linkage: the two groups whose members are nearest on average are joined, until none are near.
    """
    turns, texts = list(questions), list(questions.values())
    groups = _joined(vectors)
    words = [frozenset(word.casefold() for word in _WORD.findall(text)) - _IDLE for text in texts]
    found = [
        Cluster(_name(members, words), tuple(turns[place] for place in members))
        for members in groups
        if len(members) > 1
    ]
    return sorted(found, key=lambda each: (-len(each.turns), turns.index(each.turns[0])))


def _joined(vectors: NDArray[np.float32]) -> list[list[int]]:
    """Places, group by group. Of pairs that are equally near the first is joined."""
    groups: list[list[int]] = [[place] for place in range(len(vectors))]
    if len(groups) < 2:
        return groups
    near = np.round(vectors.astype(np.float64) @ vectors.T.astype(np.float64), 9)
    np.fill_diagonal(near, -1.0)
    sizes = np.ones(len(groups))
    for _ in range(len(groups) - 1):
        one, other = divmod(int(near.argmax()), len(groups))
        if near[one, other] < _NEAR:
            break
        one, other = sorted((one, other))
        mean = (near[one] * sizes[one] + near[other] * sizes[other]) / (sizes[one] + sizes[other])
        near[one, :] = near[:, one] = np.where(near[one] < 0, near[one], mean)
        near[one, one] = -1.0
        near[other, :] = near[:, other] = -1.0
        sizes[one] += sizes[other]
        groups[one], groups[other] = sorted([*groups[one], *groups[other]]), []
    return [each for each in groups if each]


def _name(members: Sequence[int], words: Sequence[frozenset[str]]) -> str:
    """The words that most of a group's questions have and few others do; the first words of its first question where no word tells."""
    inside, outside = Counter[str](), Counter[str]()
    chosen = set(members)
    for place, each in enumerate(words):
        (inside if place in chosen else outside).update(each)
    others = max(len(words) - len(chosen), 1)

    def tells(word: str) -> float:
        return inside[word] / len(chosen) - outside[word] / others

    best = sorted(
        (word for word in inside if inside[word] > 1 and tells(word) > 0), key=lambda word: (-tells(word), word)
    )
    return ", ".join(best[:_NAMING] or sorted(words[members[0]])[:_NAMING]) or "no words in common"
