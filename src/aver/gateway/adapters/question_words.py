"""A question as words to look for."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import Stemmer

from aver.gateway.adapters.answer_types import answer_type, holds

__all__ = ["Question", "Stems", "content_words"]

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w\u2019'-]*|\d[\d,.]*\d|\d)")
_STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both but
    by called can could did do does doing down during each few for from further get give got had has have having he
    her here hers him his how i if in into is it its itself just kind many may me might more most much must my name
    no nor not now of off on once one only or other our out over own please s same shall she should so some such
    tell than that the their them then there these they this those through to too type under until up us very was we
    were what when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905 - words are read more easily than quoted
)


def content_words(text: str) -> list[str]:
    """The words of ``text`` that carry meaning, in lower case, in order, without a possessive ending."""
    words = (word.lower().replace("\u2019", "'").removesuffix("'s") for word in _WORD.findall(text))
    return [word for word in words if word not in _STOP_WORDS]


class Stems:
    """Content words reduced to their stems. A stemmer serves one thread, so each question makes its own."""

    def __init__(self) -> None:
        self._stemmer = Stemmer.Stemmer("english")

    def __call__(self, text: str) -> frozenset[str]:
        return frozenset(self._stemmer.stemWords(content_words(text)))

    def of(self, word: str) -> str:
        return str(self._stemmer.stemWord(word))


class Question:
    """What is looked for: content words by weight, names and figures, and a kind of answer.

    ``among`` is the stems of each sentence there is. Rare words weigh more, and most those that no sentence has (inverse document
    frequency as in BM25).
    """

    def __init__(self, text: str, stems: Stems, among: Sequence[frozenset[str]]) -> None:
        self.names = frozenset(stem for name in _NAME.findall(text) for stem in stems(name))
        self.written = {stems.of(word): word for word in content_words(text)}
        """Each stem looked for, with the word it comes from."""
        self.weights = {
            stem: math.log(1 + (len(among) + 1) / (sum(stem in sentence for sentence in among) + 0.5))
            for stem in self.written
        }
        self._words = frozenset(word.lower() for word in _WORD.findall(text))
        self._kind = answer_type(text)

    def coverage(self, stems: frozenset[str]) -> float:
        """Share in [0, 1] of the question's content words, by weight, that are among ``stems``."""
        total = sum(self.weights.values())
        return sum(weight for stem, weight in self.weights.items() if stem in stems) / total if total else 0.0

    def is_answered_in_kind(self, sentence: str) -> bool:
        return self._kind is not None and holds(self._kind, sentence, self._words)
