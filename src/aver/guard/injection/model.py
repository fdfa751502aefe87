"""The classifier of windows: two logistic regressions, the second of which reads what the first cannot rule out.

The first sees the concepts of a window and costs microseconds; the second sees the embedding too, and is averaged with the first. Both have a head for each place: what a
user writes may well be an order, what a document holds may not. ``python bench/train_injection.py`` makes the weights again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aver.guard.injection.concepts import SIZE, Signs

__all__ = ["EMBEDDING_SCALE", "Head", "HeadName", "head"]

HeadName = Literal["input", "untrusted"]
EMBEDDING_SCALE = 6.0
"""Embeddings have length 1 and hundreds of places; scaled so, the penalty on weights bears on them as on the concepts."""


@dataclass(frozen=True)
class Head:
    """``first`` of shape ``(SIZE,)``; ``second`` of shape ``(SIZE + embedding,)``.

    The worst of many clean windows looks worse than the worst of few: above their highest hundredths the log odds of clean windows fall off
    exponentially, by a factor of e for each ``rise``, so that the ``k``-th worst of ``n`` exceeds a single one by ``rise * ln(n / k)``. What is
    left over is held against ``gate`` for the first, without which a window is clean and never embedded, and against ``threshold`` for the
    second, and texts of all lengths raise as many false alarms. That several windows count, each at its own rank, is the step-up procedure
    of Benjamini and Hochberg, "Controlling the false discovery rate", 1995: an attack does not hide among copies of itself.
    """

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    gate: float
    threshold: float
    rise: float

    def suspicion(self, signs: Signs) -> float:
        """Log odds by concepts alone."""
        return float(self.first[signs.places] @ signs.values)

    def log_odds(self, signs: Signs, vector: NDArray[np.float32]) -> float:
        """Log odds by concepts and the window's embedding."""
        by_signs = self.second[signs.places] @ signs.values
        return float(by_signs + EMBEDDING_SCALE * (self.second[SIZE:] @ vector))

    def excess(self, odds: NDArray[np.float32], windows: int) -> NDArray[np.float32]:
        """What each of ``odds``, the highest of a text of so many ``windows`` in falling order, has above what clean ones would; no less
        than what any lower one has."""
        expected = np.float32(self.rise) * np.log(windows / np.arange(1, len(odds) + 1, dtype=np.float32))
        return np.maximum.accumulate((odds - expected)[::-1])[::-1]


@lru_cache
def head(name: HeadName) -> Head:
    with files("aver.guard.injection").joinpath("weights.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return Head(
            stored[f"{name}_first"].astype(np.float32),
            stored[f"{name}_second"].astype(np.float32),
            *(float(stored[f"{name}_{part}"]) for part in ("gate", "threshold", "rise")),
        )
