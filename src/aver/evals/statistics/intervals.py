"""A figure over questions, and how far chance may have moved it.

The questions are taken for a sample of those that could be asked. A proportion has Wilson's interval ("Probable inference, the law of
succession, and statistical inference", 1927), and so has any ratio between 0 and 1, as that of as many yes-or-no questions as would make it vary as
much (Franco, Little, Louis and Slud, "Comparative study of confidence intervals for proportions in complex sample surveys", 2019). An unbounded
ratio, such as a mean cost, has Student's interval, transformed for its skewness (Hall, "On the removal of skewness by transformation", 1992). Any other figure has the
percentiles of a bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). Questions of one cluster may depend on each other in all of
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aver.evals.statistics.clusters import Array, Places, influence, numbered, placements, spread
from aver.evals.statistics.distributions import normal_quantile, student_quantile

__all__ = [
    "CONFIDENCE",
    "LEAST",
    "LEAST_CLUSTERS",
    "Array",
    "Figure",
    "Interval",
    "Method",
    "area",
    "bounded",
    "enough",
    "interval",
    "places_of",
    "ratio",
    "resamples",
    "skewed",
    "strata",
    "wilson",
]

Figure = Callable[[Array, Array], Array]
"""From weights of the questions, shape ``(draws, n)``, and what is known of each, shape ``(n, 2)``, to one number a draw."""

CONFIDENCE = 0.95
LEAST = 20
"""Questions below which no interval is given but that of a proportion, and :data:`LEAST_CLUSTERS` clusters: in simulations of fewer, the truth was outside
of one too often (``bench/statistics.py`` prints how often)."""
LEAST_CLUSTERS = 10
_DRAWS = 2000
_CELLS = 1 << 21
"""Numbers drawn at once."""
_STRAIGHT = 1e-6
_MANY = 500
"""Questions from which an area is as good as normal, and its interval worked out rather than drawn."""

Method = Literal["wilson", "newcombe", "student", "bootstrap", "anytime", "corrected", "too few"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of ``n`` questions with its interval, of 95 % unless another was asked for; too few questions have none."""

    value: float
    low: float | None
    high: float | None
    n: int
    method: Method
    clusters: int | None = None
    """How many there are, where questions were clustered."""
    effective: float | None = None
    """How many questions that do not depend on each other would tell as much, where they were clustered."""


def ratio(weights: Array, columns: Array) -> Array:
    """The sum of the first column over that of the second: a mean where the second is 1. Not a number where nothing is in the second."""
    sums = weights @ columns
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def area(weights: Array, columns: Array) -> Array:
    """The area under the ROC curve: the chance that a question with 1 in the first column has more in the second than one with 0, ties
    counted half (Fawcett, "An introduction to ROC analysis", 2006). Not a number where either kind is missing."""
    order = np.argsort(columns[:, 1], kind="stable")
    scores, positive = columns[order, 1], columns[order, 0]
    starts = np.flatnonzero(np.concatenate(([True], scores[1:] != scores[:-1])))
    drawn = weights[:, order]
    above = np.add.reduceat(drawn * positive, starts, axis=1)
    below = np.add.reduceat(drawn * (1 - positive), starts, axis=1)
    ahead = np.cumsum(below, axis=1) - below / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((above * ahead).sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1)))


def interval(
    columns: Array,
    figure: Figure = ratio,
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """``figure`` of all questions, with its interval. ``columns`` has at least one row; ``clusters`` names the cluster of each: what they have in
    common, such as a document, a conversation, or the case that was asked repeatedly. ``seed`` is a bootstrap's."""
    n = len(columns)
    value = float(figure(np.ones((1, n)), columns)[0])
    places = places_of(clusters)
    if figure is ratio and places is None and _proportion(columns):
        return Interval(value, *wilson(value, n, confidence), n, "wilson")
    count = None if places is None else int(places.max()) + 1
    if not enough(columns, figure, places):
        return Interval(value, None, None, n, "too few", count)
    if figure is area and n > _MANY:
        found = spread(*placements(columns, value), places)
        margin = student_quantile(0.5 + confidence / 2, found.freedom) * found.error
        return Interval(value, max(0.0, value - margin), min(1.0, value + margin), n, "student", count)
    if figure is not ratio:
        weights = resamples(n, seed, strata(columns, figure), clusters=places)
        drawn = np.concatenate([figure(some, columns) for some in weights])
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(drawn, (tail, 1 - tail))
        return Interval(value, float(low), float(high), n, "bootstrap", count)
    found = spread(*influence(columns), places)
    quantile = student_quantile(0.5 + confidence / 2, found.freedom)
    effective = None if places is None else round(found.effective, 1)
    if bounded(columns):
        like = value * (1 - value) / found.error**2 if found.error else found.clusters
        return Interval(value, *_score(value, like, quantile), n, "wilson", count, effective)
    low, high = (value - skewed(end, found.skewness) * found.error for end in (quantile, -quantile))
    return Interval(value, low, high, n, "student", count, effective)


def wilson(share: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a proportion ``share`` of ``n``."""
    return _score(share, n, normal_quantile(0.5 + confidence / 2))


def _score(share: float, n: float, quantile: float) -> tuple[float, float]:
    z = quantile
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends one bound is the share itself, but for rounding.
    return min(max(0.0, centre - margin), share), max(min(1.0, centre + margin), share)


def skewed(quantile: float, skewness: float) -> float:
    """What a figure's deviation over its error is at the ``quantile`` of a symmetric one, by the inverse of Hall's transformation."""
    if abs(skewness) < _STRAIGHT:
        return quantile
    return 3 / skewness * (math.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)


def bounded(columns: Array) -> bool:
    """Whether each question's part lies between 0 and the whole, so that their ratio is between 0 and 1."""
    return bool(((columns[:, 0] >= 0) & (columns[:, 0] <= columns[:, 1])).all())


def _proportion(columns: Array) -> bool:
    """Whether all are yes or no, or all alike: were all alike, any other interval would find no doubt at all; Wilson's is then too wide rather than
    too narrow for anything between 0 and 1."""
    values = columns[:, 0]
    if not (columns[:, 1] == 1).all():
        return False
    alike = (values == values[0]).all() and 0 <= values[0] <= 1
    return bool(alike or np.isin(values, (0.0, 1.0)).all())


def places_of(clusters: Sequence[Hashable] | None) -> Places | None:
    """By question, the number of its cluster; nothing where each is by itself."""
    if clusters is None:
        return None
    places = numbered(clusters)
    return None if int(places.max(initial=-1)) + 1 == len(places) else places


def resamples(
    n: int, seed: int, kinds: NDArray[np.intp] | None = None, draws: int = _DRAWS, clusters: Places | None = None
) -> Iterator[Array]:
    """How often each of ``n`` questions is drawn, with replacement, in ``draws`` samples of their size; some at a time, shape
    ``(some, n)``. From each of ``kinds`` as many as it has; or, of ``clusters``, as many as there are, each with all that belongs to it."""
    random = np.random.default_rng(seed)
    units = n if clusters is None else int(clusters.max()) + 1
    groups = [np.arange(units)]
    if kinds is not None and clusters is None:
        groups = [np.flatnonzero(kinds == each) for each in np.unique(kinds)]
    done = 0
    while done < draws:
        some = min(draws - done, max(1, _CELLS // n))
        weights = np.zeros((some, units))
        for group in groups:
            weights[:, group] = random.multinomial(len(group), np.full(len(group), 1 / len(group)), size=some)
        yield weights if clusters is None else weights[:, clusters]
        done += some


def enough(columns: Array, figure: Figure, places: Places | None = None) -> bool:
    """Whether an interval of these questions says anything; for an area there must be :data:`LEAST` of either kind."""
    if places is not None and int(places.max()) + 1 < LEAST_CLUSTERS:
        return False
    if figure is area:
        return all(int(np.count_nonzero(columns[:, 0] == kind)) >= LEAST for kind in (0, 1))
    return int(np.count_nonzero(columns[:, 1])) >= LEAST


def strata(columns: Array, figure: Figure) -> NDArray[np.intp] | None:
    """What is drawn separately: an area compares two kinds of questions, each of which keeps its number."""
    return columns[:, 0].astype(np.intp) if figure is area else None
