"""What may be talked about: topics and kinds of content declared by examples and words.

A topic is near when what is written means nearly what one of its examples means, and more nearly than anything it was declared not to be.
The cosines of the built-in embedder decide; a word that is declared decides by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import InvalidInput
from aver.gateway.types import Embedder
from aver.guard.injection.windows import parts
from aver.guard.plain import plain
from aver.guard.types import Finding

__all__ = ["Topic", "Topics"]

_NEAR = 0.5
"""Cosine to an example at which two sentences are as likely as not about one thing, for all-MiniLM-L6-v2."""
_SLOPE = 14.0
_MOST_SENTENCES = 400
"""Sentences of a text that are embedded at most, spread evenly over a longer one."""


@dataclass(frozen=True, slots=True)
class Topic:
    """``examples``: sentences as people would write them on this topic, ten or more if you can. ``unlike``: sentences that come close and
    are none. ``words``: words or phrases that decide by themselves; case and look-alike letters make no difference. ``near`` is the cosine
    at which the score is a half."""

    name: str
    examples: Sequence[str] = ()
    unlike: Sequence[str] = ()
    words: Sequence[str] = ()
    near: float = _NEAR


class Topics:
    """A :class:`~aver.guard.types.Detector` whose kinds are the names of ``topics``. Examples are embedded by the first text, and kept.

    Raises :class:`~aver.core.errors.InvalidInput` for a topic that has neither examples nor words, and for two of one name; ``find`` raises
    :class:`~aver.core.errors.Unavailable` where the embedder has no weights.
    """

    name = "topics"

    def __init__(self, topics: Sequence[Topic], embedder: Embedder) -> None:
        names = [topic.name for topic in topics]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInput(f"The topic {twice[0]!r} is declared twice", "Put the examples of both together.")
        for topic in topics:
            if not topic.examples and not topic.words:
                raise InvalidInput(
                    f"The topic {topic.name!r} has neither examples nor words", "Give it some of either."
                )
        self._topics = tuple(topics)
        self._embedder = embedder
        self._words = {topic.name: _words(topic.words) for topic in topics if topic.words}
        self._meant: list[_Meant] | None = None

    def find(self, text: str) -> Sequence[Finding]:
        read = plain(text)
        found = [
            Finding(name, *read.original(*match.span()), 1.0)
            for name, pattern in self._words.items()
            for match in pattern.finditer(read.text)
        ]
        said = parts(read.text)
        if said and any(topic.examples for topic in self._topics):
            if len(said) > _MOST_SENTENCES:
                said = [said[at * len(said) // _MOST_SENTENCES] for at in range(_MOST_SENTENCES)]
            vectors = self._embedder.embed([read.text[start:end] for start, end in said])
            for meant in self._examples():
                for (start, end), score in zip(said, meant.scores(vectors), strict=True):
                    if score >= 0.5:
                        found.append(Finding(meant.name, *read.original(start, end), score))
        return _apart(found)

    def _examples(self) -> list[_Meant]:
        # Two first texts at once would embed them twice, to the same vectors.
        if self._meant is None:
            self._meant = [_Meant(topic, self._embedder) for topic in self._topics if topic.examples]
        return self._meant


class _Meant:
    """A topic's examples as vectors."""

    def __init__(self, topic: Topic, embedder: Embedder) -> None:
        self.name = topic.name
        self._near = topic.near
        self._like = embedder.embed(list(topic.examples))
        self._unlike = embedder.embed(list(topic.unlike))

    def scores(self, vectors: NDArray[np.float32]) -> list[float]:
        like = (vectors @ self._like.T).max(axis=1)
        if len(self._unlike):
            # As near to what it is not as to what it is: a toss-up at best.
            like = np.minimum(like, self._near + like - (vectors @ self._unlike.T).max(axis=1))
        return [1 / (1 + math.exp(-_SLOPE * (float(each) - self._near))) for each in like]


def _words(words: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted((plain(word).text.strip() for word in words), key=len, reverse=True)
    if not all(longest_first):
        raise InvalidInput("A topic has an empty word", "Take it out.")
    written = "|".join(r"\s+".join(map(re.escape, word.split())) for word in longest_first)
    return re.compile(rf"(?<!\w)(?:{written})(?!\w)", re.IGNORECASE)


def _apart(found: list[Finding]) -> list[Finding]:
    """In order, without overlaps: the surer of two stays, and neighbours of one topic become one."""
    kept: list[Finding] = []
    for each in sorted(found, key=lambda one: (one.start, -one.score)):
        last = kept[-1] if kept else None
        if last is None or each.start >= last.end:
            kept.append(each)
        elif each.kind == last.kind:
            kept[-1] = Finding(last.kind, last.start, max(last.end, each.end), max(last.score, each.score))
        elif each.score > last.score:
            kept[-1] = each
    return kept
