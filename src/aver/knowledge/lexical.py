"""Words: how text becomes terms, and how terms score.

The terms of a passage are stored with it and indexed as they are, so the index that proposes candidates and the
scorer that ranks them read the same words.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import Stemmer
from numpy.typing import NDArray

__all__ = ["ANALYZER", "STOP_WORDS", "Statistics", "analyze", "bm25", "ceiling"]

ANALYZER = "words-2"
"""Names this analysis. Raise it when :func:`analyze` changes: the next ingest then makes the index anew."""

K1, B = 0.9, 0.4
"""Saturation and length normalisation (Robertson and Zaragoza, 2009, section 3.5), low as in Anserini: passages are cut to about one length,
so that what is left of it says little."""

_LONGEST_TERM = 64
_SIGNED = r"\b[A-Za-z](?:\+\+|#)(?![\w+#])"
"""C++ and C#, whose signs are all that tells them from C."""
_WORD = re.compile(_SIGNED + r"|[^\W_]+(?:[._@:/+\-]+[^\W_]+)*(?:['\u2019]s\b)?")
_VERSION = re.compile(r"v(\d+(?:\.\d+)+)", re.IGNORECASE)
_PIECES = re.compile(r"[@:/]+")
_PARTS = re.compile(r"[^\W_]+")
_IDENTIFIER = re.compile(r"[\d@_]|[^\W_]\.[^\W_]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "me",
        "my",
        "of",
        "on",
        "or",
        "our",
        "ours",
        "shall",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)
_local = threading.local()


def analyze(text: str) -> list[str]:
    """The terms of ``text`` in order, with repetition.

    Words are case-folded, Latin accents dropped, English stemmed (Snowball); function words are left out unless written
    in capitals (IT, US). What looks like an identifier (``ERR-1234``, ``v2.3.1``, ``ann@example.com``, ``notes.md``) is
    one term as a whole, and its parts are terms too; so is a version without its ``v``. ``C++`` and ``C#`` keep their signs. Han and
    kana, written without spaces, become overlapping pairs. A term holds no white space.
    """
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return [term for match in _WORD.finditer(plain) for term in _terms(match.group())]


@lru_cache(maxsize=1 << 15)
def _terms(word: str) -> tuple[str, ...]:
    """Of one word: text says the same few thousand over and over."""
    word = word.removesuffix("'s").removesuffix("\u2019s")
    if word.isalpha() and word.isascii():
        folded = word.casefold()
        kept = folded not in STOP_WORDS or (len(word) > 1 and word.isupper())
        return (_stemmer().stemWord(folded[:_LONGEST_TERM]),) if kept else ()
    return tuple(_compound(word))


def _compound(word: str) -> Iterator[str]:
    if word.endswith(("+", "#")):
        yield word.casefold()
    if bare := _VERSION.fullmatch(word):
        yield bare[1][:_LONGEST_TERM]
    pieces = _PIECES.split(word)
    if len(pieces) > 1 and _IDENTIFIER.search(word):
        yield word.casefold()[:_LONGEST_TERM]
    for piece in pieces:
        parts = _PARTS.findall(piece)
        if len(parts) > 1 and _IDENTIFIER.search(piece):
            yield piece.casefold()[:_LONGEST_TERM]
        for part in parts:
            yield from _part(part)


def _part(part: str) -> Iterator[str]:
    if not part.isascii() and _CJK.search(part):
        for run in _CJK.findall(part):
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        part = _CJK.sub("", part)
    folded = part.casefold()[:_LONGEST_TERM]
    if folded and (folded not in STOP_WORDS or (len(part) > 1 and part.isupper())):
        yield _stemmer().stemWord(folded) if folded.isalpha() else folded


def _stemmer() -> Stemmer.Stemmer:
    """One a thread: a stemmer keeps state while it works."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("english")
    return _local.stemmer


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 must know about a collection: its passages, their terms in all, and in how many each term occurs."""

    passages: int
    tokens: int
    frequency: Mapping[str, int]

    def idf(self, term: str) -> float:
        """``ln(1 + (N - n + 0.5) / (n + 0.5))``: positive also for a term in every passage."""
        n = self.frequency.get(term, 0)
        return math.log1p((self.passages - n + 0.5) / (n + 0.5))


def bm25(query: Mapping[str, float], passages: Sequence[str], statistics: Statistics) -> NDArray[np.float64]:
    """The BM25 score of each passage for weighted query terms. Shape ``(len(passages),)``.

    A passage is given as its terms, joined by spaces. Its score depends on the order of the query's terms, in the last bit,
    but neither on the order of its own nor on the other passages.
    """
    if not (query and passages):
        return np.zeros(len(passages))
    terms = pc.split_pattern(pa.array(passages, pa.string()), " ")
    lengths = terms.value_lengths().to_numpy()
    wanted = pc.index_in(terms.flatten(), pa.array(list(query), pa.string())).fill_null(-1).to_numpy()
    cells = np.repeat(np.arange(len(passages)), lengths) * len(query) + wanted
    shape = len(passages), len(query)
    counts = np.bincount(cells[wanted >= 0], minlength=math.prod(shape)).reshape(shape)
    average = statistics.tokens / max(1, statistics.passages)
    damping = K1 * (1 - B + B * lengths / average) if average else K1
    scores = np.zeros(len(passages))
    for (term, weight), n in zip(query.items(), counts.T, strict=True):
        scores += weight * statistics.idf(term) * (K1 + 1) * n / (n + damping)
    return scores


def ceiling(query: Mapping[str, float], statistics: Statistics) -> float:
    """What :func:`bm25` approaches for a passage made of the query's terms and never exceeds."""
    return math.fsum(weight * statistics.idf(term) * (K1 + 1) for term, weight in query.items())
