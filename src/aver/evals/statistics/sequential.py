"""Intervals that may be looked at after every value: they hold the truth at all times at once, so that one may stop whenever one likes.

An interval of a sample of a size that was fixed is wrong more and more often the more often it is looked at; a *confidence sequence* is not
(Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021). Each end holds by itself with half
of the error: a test in one direction at level ``a`` looks at one end of a sequence with ``confidence = 1 - 2 a``.

Values have to be independent of each other: where several come from one conversation or one person, their mean is the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aver.core.errors import InvalidInput
from aver.evals.statistics.contrast import Contrast
from aver.evals.statistics.intervals import CONFIDENCE, Array, Interval
from aver.evals.statistics.tally import Tally

__all__ = ["PLANNED", "ConfidenceSequence", "DifferenceSequence"]

Bounds = tuple[float, float]
UNIT: Bounds = (0.0, 1.0)

PLANNED = 1000
"""Values at which an interval is narrowest for what it claims, where nobody says; it holds at all other times too."""
SETTLED = 100
"""Values, of each arm, below which unbounded values have no interval where nobody says: it rests on the central limit theorem. Far fewer do
for values that are nearly normal, such as the logarithms of durations."""
_TILTS = np.geomspace(0.01, 8, 24)
_STEPS = np.geomspace(0.01, 0.98, 16)
_CELLS = 64
_ROUNDS = 3
_ROUNDING = 1e-9
_MOST_EXPONENT = 500.0


@dataclass(slots=True)
class ConfidenceSequence:
    """The mean of one stream. ``tally`` is all that it keeps: made with one that was written down, it goes on where that stood.

    Values within ``bounds`` have an interval that holds at any number of them, whatever their distribution: two test martingales are
    averaged, one of which is best for values that are nearly always at a bound, the other for those that vary little. Without bounds the
    interval rests on a variance estimated, is given from ``settled`` values on, and is narrowest at ``planned``.
    """

    confidence: float = CONFIDENCE
    bounds: Bounds | None = UNIT
    planned: int = PLANNED
    settled: int = SETTLED
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def restored(cls, written: Mapping[str, Any]) -> ConfidenceSequence:
        """From what :func:`dataclasses.asdict` made of one, through JSON or not."""
        return cls(**{**written, "bounds": _bounds(written["bounds"]), "tally": Tally(**written["tally"])})

    def update(self, values: Iterable[float]) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` for values out of bounds; none is counted then."""
        self.tally = _after(self.tally, values, self.bounds)

    def excludes(self, value: float) -> bool:
        """Whether the mean is not ``value``, as :attr:`interval` says it, with less work."""
        tally, each = self.tally, (1 - self.confidence) / 2
        if self.bounds is None or not tally.n:
            return _outside(value, self.interval)
        low, high = self.bounds
        span = high - low
        share, total, surprise = (value - low) / span, tally.n * (tally.mean - low) / span, tally.surprise / span**2
        if not 0 <= share <= 1:
            return True
        # The bet that could have won against it: on more than it, or on less.
        sides = (1 - share, tally.n - total) if share * tally.n > total else (share, total)
        return bool(_evidence(np.array(sides[:1]), sides[1], tally.n, surprise)[0] >= -math.log(each))

    @property
    def interval(self) -> Interval:
        """As it stands; without ends where too little is known. ``value`` is 0 before the first."""
        tally, each = self.tally, (1 - self.confidence) / 2
        if self.bounds is not None and tally.n:
            low, high = self.bounds
            span = high - low
            total, surprise = tally.n * (tally.mean - low) / span, tally.surprise / span**2
            least = _least(total, tally.n, surprise, each)
            most = 1 - _least(tally.n - total, tally.n, surprise, each)
            return Interval(tally.mean, low + span * least, low + span * most, tally.n, "anytime")
        if self.bounds is not None or tally.n < max(2, self.settled):
            return Interval(tally.mean, None, None, tally.n, "too few")
        margin = _reach(tally.n, tally.n - 1, self.planned, each) * math.sqrt(tally.variance / tally.n)
        return Interval(tally.mean, tally.mean - margin, tally.mean + margin, tally.n, "anytime")


@dataclass(slots=True)
class DifferenceSequence:
    """The mean of the ``candidate``'s stream less that of the ``baseline``'s, in whatever shares values are assigned to them, also when the
    shares change, as long as they do not follow from the values. What it keeps are the three last fields.

    Values within ``bounds`` have an interval that holds whatever their distribution and their number (:mod:`~aver.evals.statistics.contrast`). Others have one
    that rests on variances estimated, from ``settled`` values of each arm on: the difference over its variance is, nearly, a Brownian motion in
    the information collected (Jennison and Turnbull, "Group sequential methods", 2000, chapter 11; Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", 2024). It is narrowest at ``planned`` values of each arm.
    """

    confidence: float = CONFIDENCE
    bounds: Bounds | None = UNIT
    planned: int = PLANNED
    settled: int = SETTLED
    baseline: Tally = field(default_factory=Tally)
    candidate: Tally = field(default_factory=Tally)
    contrast: Contrast = field(default_factory=Contrast)

    @classmethod
    def restored(cls, written: Mapping[str, Any]) -> DifferenceSequence:
        """From what :func:`dataclasses.asdict` made of one, through JSON or not."""
        arms = {name: Tally(**written[name]) for name in ("baseline", "candidate")}
        contrast = Contrast.restored(written["contrast"])
        return cls(**{**written, "bounds": _bounds(written["bounds"]), **arms, "contrast": contrast})

    def update(self, baseline: Iterable[float] = (), candidate: Iterable[float] = ()) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` for values out of bounds; none is counted then."""
        before, after = np.fromiter(baseline, float), np.fromiter(candidate, float)
        tallies = _after(self.baseline, before, self.bounds), _after(self.candidate, after, self.bounds)
        self.baseline, self.candidate = tallies
        if self.bounds is not None:
            low, high = self.bounds
            self.contrast = self.contrast.after((before - low) / (high - low), (after - low) / (high - low))

    def excludes(self, difference: float) -> bool:
        """Whether the difference is not this one, as :attr:`interval` says it, with less work."""
        if self.bounds is None:
            return _outside(difference, self.interval)
        share, bar = difference / (self.bounds[1] - self.bounds[0]), -math.log((1 - self.confidence) / 2)
        return max(self.contrast.evidence(share), self.contrast.swapped().evidence(-share)) >= bar

    @property
    def interval(self) -> Interval:
        """As it stands, of values of both arms together; without ends, and 0, where either has too few."""
        arms = (self.baseline, self.candidate)
        n, fewest = sum(arm.n for arm in arms), min(arm.n for arm in arms)
        value, each = self.candidate.mean - self.baseline.mean, (1 - self.confidence) / 2
        if not fewest:
            return Interval(0.0, None, None, n, "too few")
        if self.bounds is not None:
            span = self.bounds[1] - self.bounds[0]
            low = self.contrast.least(value / span, each) * span
            high = -self.contrast.swapped().least(-value / span, each) * span
            return Interval(value, low, high, n, "anytime")
        if fewest < max(2, self.settled):
            return Interval(value, None, None, n, "too few")
        pairs = 2 / sum(1 / arm.n for arm in arms)
        margin = _reach(pairs, fewest - 1, self.planned, each) * math.sqrt(sum(arm.variance / arm.n for arm in arms))
        return Interval(value, value - margin, value + margin, n, "anytime")


def _bounds(written: Sequence[float] | None) -> Bounds | None:
    return None if written is None else (float(written[0]), float(written[1]))


def _outside(value: float, found: Interval) -> bool:
    return found.low is not None and found.high is not None and not found.low <= value <= found.high


def _after(tally: Tally, values: Iterable[float], bounds: Bounds | None) -> Tally:
    new = np.fromiter(values, float)
    if bounds is None:
        return tally.after(new)
    low, high = bounds
    if not ((new >= low) & (new <= high)).all():
        raise InvalidInput(f"A value is not between {low:g} and {high:g}", "Say other bounds, or none.")
    return tally.after(new, (low + high) / 2)


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


def _reach(n: float, freedom: int, planned: int, error: float) -> float:
    """Standard errors on one side of a mean of ``n`` values beyond which the truth ever lies with probability ``error`` at most.

    The mixture over half of a normal distribution (Robbins, "Statistical methods related to the law of the iterated logarithm", 1970), whose variance is
    chosen for ``planned`` values (Howard and others, 2021, sections 3.2 and 3.5); widened as Student's distribution is for a
    variance of ``freedom`` degrees (Wallace, "Bounds on normal approximations to Student's and the chi-square distributions", 1959).
    """
    doubled = -2 * math.log(2 * error)
    prior = planned / (doubled + math.log1p(doubled))
    wanted = doubled / 2 + math.log1p(n / prior) / 2
    # Newton's method from above, where the left side is convex.
    y = math.sqrt(2 * wanted + 2 * math.log(2))
    for _ in range(50):
        below = math.erfc(-y / math.sqrt(2)) / 2
        step = (y * y / 2 + math.log(below) - wanted) / (y + math.exp(-y * y / 2) / math.sqrt(2 * math.pi) / below)
        y -= step
        if abs(step) < _ROUNDING:
            break
    reach = y * math.sqrt(1 + prior / n)
    widened = reach * (8 * freedom + 3) / (8 * freedom + 1)
    exponent = widened * widened / freedom
    return math.sqrt(freedom * math.expm1(exponent)) if exponent < _MOST_EXPONENT else math.inf
