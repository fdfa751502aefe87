"""What another policy would have earned, from calls that were made under this one, each with the chance it had of being made so.

Inverse propensities (Horvitz and Thompson, 1952), the same self-normalised (Hájek; Swaminathan and Joachims, "The self-normalized
estimator for counterfactual learning", 2015) and doubly robust (Dudík, Langford and Li, "Doubly robust policy evaluation and learning",
2011). Intervals are normal, from the variance of the calls' terms; for the ratio of the second, by the delta method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import InvalidInput

__all__ = ["Estimate", "Logged", "Method", "doubly_robust", "estimate", "ips", "snips"]

Method = Literal["ips", "snips", "doubly_robust"]
_LEAST_EFFECTIVE = 30.0
"""Calls' worth of evidence below which the normal distribution says too little."""
_MOST_UNCOVERED = 0.01


@dataclass(frozen=True, slots=True)
class Logged:
    """One call. ``propensity`` is how likely the logging policy was to act as it did, ``target`` how likely the other policy is."""

    propensity: float
    target: float
    reward: float
    covered: float = 1.0
    """The probability that the other policy does something here that the logging policy could have done."""
    predicted: float = 0.0
    """A model's reward for what was done: for the doubly robust estimate."""
    expected: float = 0.0
    """The same model's reward under the other policy."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean reward of a call under the other policy. ``low`` and ``high`` are a normal interval of ``confidence``; an
    ``inconclusive`` estimate says why, and its numbers mean nothing."""

    value: float
    low: float
    high: float
    method: Method
    confidence: float
    calls: int
    effective: float
    """Calls that would say as much if the two policies were the same: ``(Σw)² / Σw²`` (Kish)."""
    uncovered: float
    """The share of the other policy's choices that the logging policy never made."""
    inconclusive: str = ""


def ips(logged: Sequence[Logged], confidence: float = 0.95) -> Estimate:
    """Rewards weighted by how much likelier the other policy is to act so. Unbiased; its variance grows with the weights."""
    return estimate(logged, "ips", confidence)


def snips(logged: Sequence[Logged], confidence: float = 0.95) -> Estimate:
    """The same divided by the mean weight. Of small bias and, with rewards far from 0, far smaller variance."""
    return estimate(logged, "snips", confidence)


def doubly_robust(logged: Sequence[Logged], confidence: float = 0.95) -> Estimate:
    """A model's prediction, corrected by the weighted error it made: right when either the propensities or the model are."""
    return estimate(logged, "doubly_robust", confidence)


def estimate(logged: Sequence[Logged], method: Method, confidence: float = 0.95) -> Estimate:
    """Inconclusive when the logging policy never did over 1 % of what the other would do, or when all the calls say no more than 30
    would. Raises :class:`~aver.core.errors.InvalidInput` for a probability that is none."""
    weights = _weights(logged)
    uncovered = float(1 - np.mean([each.covered for each in logged])) if logged else 1.0
    squares = float(weights @ weights)
    effective = float(weights.sum()) ** 2 / squares if squares else 0.0
    why = ""
    if uncovered > _MOST_UNCOVERED:
        why = f"{uncovered:.1%} of what the other policy would do was never tried"
    elif effective < _LEAST_EFFECTIVE:
        why = f"{len(logged)} calls say no more than {effective:.0f} would, and {_LEAST_EFFECTIVE:.0f} are needed"
    value, error = _TERMS[method](logged, weights) if squares else (0.0, 0.0)
    margin = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    return Estimate(
        value, value - margin, value + margin, method, confidence, len(logged), effective, uncovered, inconclusive=why
    )


def _weights(logged: Sequence[Logged]) -> NDArray[np.float64]:
    for each in logged:
        if not (0 < each.propensity <= 1 and 0 <= each.target <= 1 and 0 <= each.covered <= 1 + 1e-9):
            raise InvalidInput(
                f"A call has the propensity {each.propensity:g} and the target probability {each.target:g}",
                "Give probabilities; what was done had one above 0.",
            )
    return np.array([each.target / each.propensity for each in logged], float)


def _inverse(logged: Sequence[Logged], weights: NDArray[np.float64]) -> tuple[float, float]:
    terms = weights * np.array([each.reward for each in logged])
    return _mean(terms)


def _normalised(logged: Sequence[Logged], weights: NDArray[np.float64]) -> tuple[float, float]:
    rewards = np.array([each.reward for each in logged])
    value = float(weights @ rewards / weights.sum())
    return value, _mean(weights * (rewards - value) / weights.mean())[1]


def _robust(logged: Sequence[Logged], weights: NDArray[np.float64]) -> tuple[float, float]:
    errors = np.array([each.reward - each.predicted for each in logged])
    return _mean(np.array([each.expected for each in logged]) + weights * errors)


def _mean(terms: NDArray[np.float64]) -> tuple[float, float]:
    """The mean and its standard error."""
    error = float(terms.std(ddof=1)) / len(terms) ** 0.5 if len(terms) > 1 else 0.0
    return float(terms.mean()), error


_TERMS: dict[Method, Callable[[Sequence[Logged], NDArray[np.float64]], tuple[float, float]]] = {
    "ips": _inverse,
    "snips": _normalised,
    "doubly_robust": _robust,
}
