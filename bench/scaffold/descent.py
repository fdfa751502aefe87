"""Logistic regression over features of which most are sparse."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aver.guard.injection.concepts import Signs

__all__ = ["Features", "descended"]

Array = NDArray[np.float32]
Numbers = NDArray[np.int64]

STEPS = 60
MEMORY = 8
ENOUGH = 1e-6
"""Of the loss, the part by which a step has to lower it for another to be taken."""


@dataclass(frozen=True)
class Features:
    """``n`` rows: entries ``starts[r]`` to ``starts[r + 1]`` of ``places`` and ``values`` are the sparse part of row ``r``, of ``width`` columns
    and never empty; ``dense`` follows it, of shape ``(n, any)``."""

    starts: Numbers
    places: Numbers
    values: Array
    width: int
    dense: Array

    @classmethod
    def of(cls, rows: Sequence[Signs], width: int, dense: Array) -> Features:
        starts = np.cumsum([0, *(len(row.places) for row in rows)])
        return cls(
            starts,
            np.concatenate([row.places for row in rows]),
            np.concatenate([row.values for row in rows]),
            width,
            dense,
        )

    @property
    def size(self) -> int:
        return self.width + self.dense.shape[1]

    @property
    def sparse(self) -> Features:
        """The same without the dense part."""
        return replace(self, dense=self.dense[:, :0])

    def rows(self, chosen: Numbers) -> Features:
        counts = np.diff(self.starts)[chosen]
        starts = np.concatenate(([0], np.cumsum(counts)))
        entries = np.repeat(self.starts[chosen] - starts[:-1], counts) + np.arange(starts[-1])
        return replace(
            self, starts=starts, places=self.places[entries], values=self.values[entries], dense=self.dense[chosen]
        )

    def odds(self, weights: Array) -> Array:
        """Log odds of each row."""
        sparse = np.add.reduceat(self.values * weights[self.places], self.starts[:-1])
        return sparse + self.dense @ weights[self.width :]

    def slope(self, residuals: Array) -> Array:
        """The sum of the rows, each times its residual."""
        spread = np.repeat(residuals, np.diff(self.starts))
        sparse = np.bincount(self.places, weights=self.values * spread, minlength=self.width).astype(np.float32)
        return np.concatenate((sparse, residuals @ self.dense))


def descended(features: Features, labels: Array, share: Array, penalty: float, weights: Array) -> Array:
    """The weights at the least penalised log loss, sought from ``weights``. ``share`` is what each row counts.

    L-BFGS with a backtracking line search (Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 3.1).
    """

    def measured(at: Array) -> tuple[float, Array]:
        odds = np.clip(features.odds(at), -40, 40)
        loss = float(share @ (np.logaddexp(0, odds) - labels * odds)) + penalty / 2 * float(at @ at)
        residuals = (share * (1 / (1 + np.exp(-odds)) - labels)).astype(np.float32)
        return loss, features.slope(residuals) + np.float32(penalty) * at

    past: deque[tuple[Array, Array, float]] = deque(maxlen=MEMORY)
    loss, slope = measured(weights)
    for _ in range(STEPS):
        direction = -_curved(slope, past)
        step, fall = 1.0, float(slope @ direction)
        following, after = measured(weights + direction)
        while following > loss + 1e-4 * step * fall and step > 1e-4:
            step /= 2
            following, after = measured(weights + np.float32(step) * direction)
        moved, turned = np.float32(step) * direction, after - slope
        if (curvature := float(moved @ turned)) > 0:
            past.append((moved, turned, curvature))
        weights, gained = weights + moved, loss - following
        loss, slope = following, after
        if abs(gained) < ENOUGH * abs(loss):
            break
    return weights


def _curved(slope: Array, past: Sequence[tuple[Array, Array, float]]) -> Array:
    """``slope`` times the inverse Hessian as the last steps tell it."""
    if not past:
        return slope / np.float32(max(1.0, float(np.linalg.norm(slope))))
    shares: list[np.float32] = []
    for moved, turned, curvature in reversed(past):
        shares.append(np.float32(float(moved @ slope) / curvature))
        slope = slope - shares[-1] * turned
    moved, turned, curvature = past[-1]
    slope = slope * np.float32(curvature / float(turned @ turned))
    for (moved, turned, curvature), share in zip(past, reversed(shares), strict=True):
        slope = slope + (share - np.float32(float(turned @ slope) / curvature)) * moved
    return slope
