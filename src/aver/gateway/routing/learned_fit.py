"""Logistic regression with an L2 penalty, for several penalties at once, and its predictions for what it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTIES", "Fitted", "fit", "fold", "learn", "probability"]

PENALTIES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_FOLDS = 5
_TOLERANCE = 1e-6
_ITERATIONS = 1000

Array = NDArray[np.float64]


def probability(logits: Array) -> Array:
    """The logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def fit(rows: Array, outcomes: Array, penalties: Sequence[float], weights: Array | float = 1.0) -> Array:
    """The coefficients that maximise the likelihood of ``outcomes`` (0 to 1), each as often as its weight says, less ``penalty / 2``
    times their squared length: shape ``(len(penalties), rows.shape[1])``. The same input gives the same result.

    The curvature of the likelihood is nowhere more than a quarter of the weighted ``rows' rows``; steps to the maximum of the parabola with that
    curvature never overshoot (Böhning and Lindsay, "Monotonicity of quadratic-approximation algorithms", 1988). One decomposition
    serves every step of every penalty.
    """
    curvature, basis = np.linalg.eigh((rows.T * weights) @ rows)
    turned = rows @ basis
    shrink = np.asarray(penalties)[:, None]
    step = 1.0 / (np.maximum(curvature, 0.0) / 4 + shrink)
    found = np.zeros((len(penalties), rows.shape[1]))
    for _ in range(_ITERATIONS):
        residual = (probability(found @ turned.T) - outcomes) * weights
        change = step * (residual @ turned + shrink * found)
        found -= change
        if np.abs(change).max() < _TOLERANCE:
            break
    return np.asarray(found @ basis.T)


class Fitted(NamedTuple):
    """``unseen`` are the calibrated probabilities of rows whose outcome the regression had not seen."""

    coefficients: Array
    unseen: Array
    penalty: float


def fold(count: int, seed: int) -> NDArray[np.int64]:
    """Which of five parts each of ``count`` examples belongs to."""
    return np.random.default_rng(seed).permutation(count) % _FOLDS


def learn(rows: Array, outcomes: Array, parts: NDArray[np.int64], propensities: Array) -> Fitted:
    """One model's success by prompt. ``outcomes`` are NaN where they are not known; ``propensities`` say how likely each was to be known,
    and what was unlikely counts the more for it. The penalty is the one that predicts parts left out best, by log loss, and the slope
    and intercept that calibrate these predictions are part of the coefficients."""
    known = ~np.isnan(outcomes)
    weights = np.where(known, 1 / propensities, 0.0)
    weights /= weights[known].mean()
    logits = np.empty((len(PENALTIES), len(rows)))
    for part in range(_FOLDS):
        inside = known & (parts != part)
        logits[:, parts == part] = (
            fit(rows[inside], outcomes[inside], PENALTIES, weights[inside]) @ rows[parts == part].T
        )
    losses = [_log_loss(each[known], outcomes[known], weights[known]) for each in logits]
    best = int(np.argmin(losses))
    slope, intercept = _calibration(logits[best, known], outcomes[known], weights[known])
    coefficients = slope * fit(rows[known], outcomes[known], PENALTIES[best : best + 1], weights[known])[0]
    coefficients[-1] += intercept / rows[0, -1]
    return Fitted(coefficients, probability(slope * logits[best] + intercept), PENALTIES[best])


def _log_loss(logits: Array, outcomes: Array, weights: Array) -> float:
    return float(np.mean(weights * (np.logaddexp(0.0, logits) - outcomes * logits)))


def _calibration(logits: Array, outcomes: Array, weights: Array) -> tuple[float, float]:
    """Slope and intercept (Platt, "Probabilistic outputs for support vector machines", 1999). A slope that would turn the order
    around is taken as none."""
    slope, intercept = fit(np.column_stack((logits, np.ones_like(logits))), outcomes, (1e-3,), weights)[0]
    if slope <= 0:
        rate = float(np.clip(np.average(outcomes, weights=weights), 1e-3, 1 - 1e-3))
        return 0.0, float(np.log(rate / (1 - rate)))
    return float(slope), float(intercept)
