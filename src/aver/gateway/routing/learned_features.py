"""What a learned router sees of a prompt: the meaning of its end and of its options, and a few counts."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from math import log1p, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import InvalidInput
from aver.gateway.types import Embedder

__all__ = ["COUNTS", "Features", "Seen", "counts", "join", "look", "options", "pack", "unpack", "width"]

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


class Seen(NamedTuple):
    """What is seen of prompts, a row each: the vectors of their ends and of their options, whether there are any, and the counts."""

    ends: NDArray[np.float32]
    options: NDArray[np.float32]
    listed: NDArray[np.bool_]
    counts: NDArray[np.float32]

    def take(self, rows: Sequence[int]) -> Seen:
        """These prompts, in this order."""
        places = np.asarray(rows, int)
        return Seen(self.ends[places], self.options[places], self.listed[places], self.counts[places])


def look(texts: Sequence[str], embedder: Embedder) -> Seen:
    """Blocks while texts are embedded: one vector for each, two where there are options."""
    begins = [options(text) for text in texts]
    listed = np.array([begin >= 0 for begin in begins], bool)
    views = [text[-_END:] for text in texts]
    views += [text[begin:][: 2 * _END] for text, begin in zip(texts, begins, strict=True) if begin >= 0]
    vectors = np.asarray(embedder.embed(views), np.float32)
    second = np.zeros((len(texts), vectors.shape[1]), np.float32)
    second[listed] = vectors[len(texts) :]
    counted = np.array([counts(text) for text in texts], np.float32).reshape(-1, COUNTS)
    return Seen(vectors[: len(texts)], second, listed, counted)


def join(parts: Sequence[Seen]) -> Seen:
    """The rows of all, of which there is at least one."""
    return Seen(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def pack(seen: Seen) -> str:
    """One prompt in about 1,100 characters: base64 of the counts, then each vector as its largest component and a byte for each."""
    vectors = (seen.ends[0], seen.options[0]) if seen.listed[0] else (seen.ends[0],)
    return base64.b64encode(
        seen.counts[0].astype("<f4").tobytes() + b"".join(_quantised(each) for each in vectors)
    ).decode()


def unpack(text: str, dimension: int) -> Seen:
    """What :func:`pack` was given, to within half a step of 127. Raises :class:`~aver.core.errors.InvalidInput` for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    vectors, rest = divmod(len(data) - 4 * COUNTS, 4 + dimension)
    if rest or vectors not in (1, 2):
        raise InvalidInput("What was kept of a prompt is not as a router writes it", "Leave this call out.")
    counted = np.frombuffer(data, "<f4", COUNTS)[None]
    found = np.zeros((2, dimension), np.float32)
    for place in range(vectors):
        at = 4 * COUNTS + place * (4 + dimension)
        largest = np.frombuffer(data, "<f4", 1, at)[0]
        found[place] = np.frombuffer(data, np.int8, dimension, at + 4) * (largest / _STEPS)
    return Seen(found[:1], found[1:], np.array([vectors == 2]), counted)


_STEPS = 127


def _quantised(vector: NDArray[np.float32]) -> bytes:
    largest = float(np.abs(vector).max())
    steps = np.round(vector * (_STEPS / largest)) if largest else vector
    return np.array([largest], "<f4").tobytes() + steps.astype(np.int8).tobytes()


class Features:
    """Turns what was seen into rows of numbers. ``centre`` and ``spread`` standardise the counts.

    A prompt with options and one without are different kinds of task: the counts of each have coefficients of their own, and only
    the first kind has a second vector.
    """

    def __init__(self, centre: NDArray[np.float64], spread: NDArray[np.float64]) -> None:
        self.centre = centre
        self.spread = spread

    @classmethod
    def of(cls, seen: Seen) -> Features:
        """Standardised over these prompts."""
        counted = seen.counts.astype(np.float64)
        return cls(counted.mean(axis=0), np.maximum(counted.std(axis=0), 1e-6))

    def rows(self, seen: Seen) -> NDArray[np.float64]:
        """Shape ``(prompts, width(dimension))``."""
        count, dimension = seen.ends.shape
        rows = np.zeros((count, width(dimension)))
        rows[:, :dimension] = seen.ends
        rows[:, dimension : 2 * dimension] = seen.options
        counted = (seen.counts - self.centre) / self.spread * _SCALE
        rows[:, 2 * dimension : -2 - COUNTS] = np.where(seen.listed[:, None], counted, 0.0)
        rows[:, -2 - COUNTS : -2] = np.where(seen.listed[:, None], 0.0, counted)
        rows[:, -2] = np.where(seen.listed, _LISTED, 0.0)
        rows[:, -1] = _CONSTANT
        return rows
