"""Stopping a run early without being wrong more often: the error is spent bit by bit over the looks at it.

Lan and DeMets, "Discrete sequential boundaries for clinical trials" (1983): how much has been spent when a share of the planned questions is in is fixed in
advance, when one looks is not. The chances of boundaries are integrated as by Armitage, McPherson and Rowe, "Repeated significance tests
on accumulating data" (1969).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from aver.core.errors import InvalidInput
from aver.evals.statistics.clusters import Array
from aver.evals.statistics.distributions import normal_cdf, normal_quantile
from aver.evals.statistics.intervals import CONFIDENCE

__all__ = ["Looks", "Spending"]

Spending = Literal["obrien_fleming", "pocock"]
"""Little at first, so that the last look is nearly what it were alone; or about as much at each look."""
_POINTS = 401
_FAR = 8.0
"""Standard deviations beyond which nothing is to be expected."""


@dataclass(slots=True)
class Looks:
    """The looks at a run of ``planned`` questions; an interval of the confidence that :meth:`at` gives may be acted upon at each of them. All of them
    together are wrong no more often than one of ``confidence``."""

    planned: int
    confidence: float = CONFIDENCE
    spending: Spending = "obrien_fleming"
    _done: float = 0.0
    _inside: Array | None = field(default=None, repr=False)
    """The density of the sum over what has been reached without stopping, on :attr:`_points`."""
    _points: Array | None = field(default=None, repr=False)

    def at(self, n: int) -> float:
        """The confidence of an interval after ``n`` questions, more than at the last look. Raises :class:`~aver.core.errors.InvalidInput` for fewer."""
        share = min(1.0, n / self.planned)
        if share <= self._done:
            raise InvalidInput(
                f"{n} questions are no more than at the last look, or than were planned", "Look after more of them."
            )
        tail = self._spent(share) - self._spent(self._done)
        critical = self._critical(share, tail)
        return 2 * normal_cdf(critical) - 1

    def _spent(self, share: float) -> float:
        """On one side."""
        error = (1 - self.confidence) / 2
        if share <= 0:
            return 0.0
        if self.spending == "pocock":
            return error * math.log(1 + (math.e - 1) * share)
        return 2 * (1 - normal_cdf(-normal_quantile(error / 2) / math.sqrt(share)))

    def _critical(self, share: float, tail: float) -> float:
        """The standard score that is passed on one side with the chance ``tail`` at this look and at none before; and what is left inside."""
        step = math.sqrt(share - self._done)
        low, high = 0.0, _FAR
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self._beyond(middle * math.sqrt(share), step) > tail else (low, middle)
        critical = (low + high) / 2
        edge = critical * math.sqrt(share)
        points = np.linspace(-edge, edge, _POINTS)
        self._inside, self._points, self._done = self._density(points, step), points, share
        return critical

    def _beyond(self, edge: float, step: float) -> float:
        if self._points is None or self._inside is None:
            return 1 - normal_cdf(edge / step)
        chances = np.array([normal_cdf(-(edge - point) / step) for point in self._points])
        return float((_weights(self._points) * self._inside * chances).sum())

    def _density(self, points: Array, step: float) -> Array:
        if self._points is None or self._inside is None:
            return _normal(points / step) / step
        kernel = _normal((points[:, None] - self._points) / step) / step
        return np.asarray(kernel @ (_weights(self._points) * self._inside))


def _normal(x: Array) -> Array:
    return np.asarray(np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi))


def _weights(points: Array) -> Array:
    """Of Simpson's rule."""
    weights = np.full(len(points), 2.0)
    weights[1::2] = 4
    weights[[0, -1]] = 1
    return np.asarray(weights * (points[1] - points[0]) / 3)
