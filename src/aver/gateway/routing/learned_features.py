"""What a learned router sees of a prompt: the meaning of its end and of its options, and a few counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from aver.gateway.types import Embedder

__all__ = ["COUNTS", "Features", "counts", "options", "width"]

_END = 700
"""Characters of a prompt's end that are embedded: what a small embedder reads whole. Examples and passages come first in a prompt and
the question last, and an embedder that cuts a text keeps its beginning."""
_OPTION = re.compile(r"^[ \t]*\(?([A-Ha-h]|[1-9])[.)][ \t]+(?=\S)", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
_NUMERIC = re.compile(r"[-$€£]?[\d.,/ ]+[%°]?")
_WORD = re.compile(r"\w+")
_NEGATION = re.compile(r"\b(?:not|except|least|false|never|incorrect)\b", re.IGNORECASE)
_CODE = re.compile(r"```|^\s*(?:def|class|import|for|if|while|return|function|const|SELECT)\b|[;{}]\s*$", re.MULTILINE)
_SYMBOLS = frozenset("=+*/^<>|~")


def options(text: str) -> int:
    """Where the last list of options (``A. …``, ``2) …``) begins, or -1: a list has at least two, the first of which is A or 1."""
    begins = [match for match in _OPTION.finditer(text) if match[1] in "Aa1"]
    if not begins or len(_OPTION.findall(text, begins[-1].start())) < 2:
        return -1
    return begins[-1].start()


def counts(text: str) -> tuple[float, ...]:
    """Cheap properties of a prompt, :data:`COUNTS` of them."""
    begins = options(text)
    stem, listed = (text, "") if begins < 0 else (text[:begins], text[begins:])
    choices = [line for line in _OPTION.split(listed)[2::2] if line]
    words = _WORD.findall(text[-4 * _END :])
    length = max(len(text), 1)
    return (
        log1p(len(text)),
        log1p(len(stem)),
        log1p(len(listed)),
        log1p(text.count("\n")),
        sqrt(len(_NUMBER.findall(text))),
        sum(map(str.isdigit, text)) / length,
        sqrt(sum(each in _SYMBOLS for each in text)),
        sum(map(str.isupper, text)) / length,
        sum(map(len, words)) / max(len(words), 1),
        float("$" in text or "\\" in text),
        float("___" in text),
        float("?" in stem),
        float(_NEGATION.search(stem[-_END:]) is not None),
        float(_CODE.search(text) is not None),
        sum(_NUMERIC.fullmatch(each.partition("\n")[0].strip()) is not None for each in choices) / max(len(choices), 1),
    )


COUNTS = len(counts(""))
_SCALE = 0.1
"""Of a standardised count beside a vector of length 1, so that one penalty fits both."""
_LISTED = 3.0
_CONSTANT = 10.0
"""A large constant stands for the intercept, which a penalty then hardly touches."""


def width(dimension: int) -> int:
    """Features of a prompt, for vectors of this dimension."""
    return 2 * dimension + 2 * COUNTS + 2


class Features:
    """Turns prompts into rows of numbers. ``centre`` and ``spread`` standardise the counts.

    A prompt with options and one without are different kinds of task: the counts of each have coefficients of their own, and only
    the first kind has a second vector.
    """

    def __init__(self, embedder: Embedder, centre: NDArray[np.float64], spread: NDArray[np.float64]) -> None:
        self._embedder = embedder
        self.centre = centre
        self.spread = spread

    @classmethod
    def of(cls, texts: Sequence[str], embedder: Embedder) -> Features:
        """Standardised over ``texts``."""
        counted = np.array([counts(text) for text in texts])
        return cls(embedder, counted.mean(axis=0), np.maximum(counted.std(axis=0), 1e-6))

    def rows(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Shape ``(len(texts), width(dimension))``. Blocks while texts are embedded."""
        begins = [options(text) for text in texts]
        listed = [row for row, begin in enumerate(begins) if begin >= 0]
        views = [text[-_END:] for text in texts] + [texts[row][begins[row] :][: 2 * _END] for row in listed]
        vectors = self._embedder.embed(views)
        dimension = vectors.shape[1]
        rows = np.zeros((len(texts), width(dimension)))
        rows[:, :dimension] = vectors[: len(texts)]
        rows[listed, dimension : 2 * dimension] = vectors[len(texts) :]
        counted = (np.array([counts(text) for text in texts]).reshape(-1, COUNTS) - self.centre) / self.spread * _SCALE
        for row, begin in enumerate(begins):
            place = 2 * dimension + (0 if begin >= 0 else COUNTS)
            rows[row, place : place + COUNTS] = counted[row]
        rows[listed, -2] = _LISTED
        rows[:, -1] = _CONSTANT
        return rows
