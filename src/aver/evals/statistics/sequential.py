"""Intervals that may be looked at after every value: they hold the truth at all times at once, so that one may stop whenever one likes.

An interval of a sample of a size that was fixed is wrong more and more often the more often it is looked at; a *confidence sequence* is not
(Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021). Each end holds by itself with half
of the error: a test in one direction at level ``a`` looks at one end of a sequence with ``confidence = 1 - 2 a``.

Values have to be independent of each other: where several come from one conversation or one person, their mean is the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from aver.core.errors import InvalidInput
from aver.evals.statistics.intervals import CONFIDENCE, Array, Interval
from aver.evals.statistics.tally import Tally

__all__ = ["ConfidenceSequence", "anytime"]

_TILTS = np.geomspace(0.01, 8, 24)
_STEPS = np.geomspace(0.01, 0.98, 16)
_CELLS = 64
_ROUNDS = 3
_LAST = 64
"""Looks that are put together: all of them hold at once."""


@dataclass(slots=True)
class ConfidenceSequence:
    """The mean of a stream of values between 0 and 1, at any number of them, whatever their distribution: two test martingales are averaged, one of which
    is best for values that are nearly always at a bound, the other for those that vary little. ``tally`` is all that it keeps."""

    confidence: float = CONFIDENCE
    tally: Tally = field(default_factory=Tally)

    def update(self, values: Iterable[float]) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` for a value that is not between 0 and 1; none is counted then."""
        new = np.fromiter(values, float)
        if not ((new >= 0) & (new <= 1)).all():
            raise InvalidInput("A value is not between 0 and 1", "Watch a measure that is a share.")
        self.tally = self.tally.after(new, 0.5)

    def excludes(self, mean: float) -> bool:
        """Whether the mean is not ``mean``, as :attr:`interval` says it, with less work."""
        tally = self.tally
        if not tally.n or not 0 <= mean <= 1:
            return not 0 <= mean <= 1
        total = tally.n * tally.mean
        # The bet that could have won against it: on more than it, or on less.
        share, won = (1 - mean, tally.n - total) if mean * tally.n > total else (mean, total)
        evidence = _evidence(np.array([share]), won, tally.n, tally.surprise)
        return bool(evidence[0] >= -math.log((1 - self.confidence) / 2))

    @property
    def interval(self) -> Interval:
        """As it stands; without ends, and 0, before the first value."""
        n, error = self.tally.n, (1 - self.confidence) / 2
        if not n:
            return Interval(0.0, None, None, 0, "too few")
        total = n * self.tally.mean
        least = _least(total, n, self.tally.surprise, error)
        most = 1 - _least(n - total, n, self.tally.surprise, error)
        return Interval(self.tally.mean, least, most, n, "anytime")


def anytime(columns: Array, confidence: float = CONFIDENCE) -> Interval:
    """What :func:`~aver.evals.statistics.intervals.interval` is of a ratio, for questions whose number followed from what was found of them: rows, shape ``(n, 2)``,
    in the order in which they were asked. Without ends unless each question's part is between 0 and 1 of 1. What was certain at one of the last looks still is:
    some questions were under way then, and came after it."""
    watched = ConfidenceSequence(confidence)
    values = columns[:, 0]
    if not ((columns[:, 1] == 1) & (values >= 0) & (values <= 1)).all():
        return Interval(float(values.sum() / columns[:, 1].sum()), None, None, len(columns), "anytime")
    watched.update(values[:-_LAST])
    ends = []
    for value in values[-_LAST:]:
        watched.update([value])
        ends.append(watched.interval)
    found = ends[-1]
    low, high = max(each.low or 0.0 for each in ends), min(1.0 if each.high is None else each.high for each in ends)
    return Interval(found.value, min(low, found.value), max(high, found.value), found.n, "anytime")


def _least(total: float, n: int, surprise: float, error: float) -> float:
    """The least mean that ``n`` values between 0 and 1 of this ``total`` leave possible, refined on a grid and rounded down."""
    low, high = 0.0, total / n
    for _ in range(_ROUNDS):
        means = np.linspace(low, high, _CELLS)
        ruled = np.flatnonzero(_evidence(means, total, n, surprise) >= -math.log(error))
        if not len(ruled):
            return low
        at = int(ruled[-1])
        low, high = float(means[at]), float(means[min(at + 1, _CELLS - 1)])
    return low


def _evidence(means: Array, total: float, n: int, surprise: float) -> Array:
    """The logarithm of what betting against each of ``means``, that the true one is no greater, has made of 1.

    For a ``tilt`` t, ``exp(t total - n log(1 - m + m exp(t)))`` is no more than 1 in the mean whenever the true mean is at most m, since the exponential is
    convex (Hoeffding, "Probability inequalities for sums of bounded random variables", 1963); so is ``exp(s (total - n m) - surprise (-log(1 - s) - s))``
    for a ``step`` s (Fan, Grama and Liu, "Exponential inequalities for martingales with applications", 2015). So is each average of such.
    """
    tilted = total * _TILTS - n * np.log1p(means[:, None] * np.expm1(_TILTS))
    stepped = (total - n * means[:, None]) * _STEPS - surprise * (-np.log1p(-_STEPS) - _STEPS)
    weights = np.concatenate((np.full(len(_TILTS), 0.5 / len(_TILTS)), np.full(len(_STEPS), 0.5 / len(_STEPS))))
    logs = np.hstack((tilted, stepped)) + np.log(weights)
    most = logs.max(axis=1)
    return np.asarray(most + np.log(np.exp(logs - most[:, None]).sum(axis=1)))
