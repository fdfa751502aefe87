"""An embedder that costs microseconds and still tells near from far."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["HashEmbedder"]

_WORD = re.compile(r"\w+")
_PAIR_WEIGHT = 0.5


class HashEmbedder:
    """An :class:`~aver.gateway.types.Embedder` by feature hashing: each word, and each pair of neighbours at half weight,
    adds to one of ``dimension`` places with a sign (Weinberger et al., 2009, "Feature hashing for large scale multitask
    learning"). Texts that share words are similar; meaning is not known to it. The same everywhere and always.
    """

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.name = f"hash:{dimension}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape ``(len(texts), dimension)``, rows of length 1."""
        vectors = np.zeros((len(texts), self.dimension), np.float64)
        for row, text in zip(vectors, texts, strict=True):
            words = _WORD.findall(text.casefold())
            for feature in words:
                self._add(row, feature, 1.0)
            for feature in map(" ".join, pairwise(words)):
                self._add(row, feature, _PAIR_WEIGHT)
            if not row.any():  # no words, or words that cancel out
                row[0] = 1.0
        unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _add(self, row: NDArray[np.float64], feature: str, weight: float) -> None:
        value = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
        row[(value >> 1) % self.dimension] += weight if value & 1 else -weight
