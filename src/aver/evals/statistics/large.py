"""Intervals of many questions, worked out rather than drawn: a report of twenty thousand opens at once.

A ratio's error is that of its linearisation, by clusters where questions depend on each other (Cochran, "Sampling Techniques", 1977, section 6.4;
Liang and Zeger, 1986); an area's that of DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
characteristic curves: a nonparametric approach" (1988), by clusters after Obuchowski, "Nonparametric analysis of clustered ROC curve data" (1997).
Normal in the limit: they stand in for :func:`~aver.evals.statistics.intervals.interval` from :data:`LARGE` questions on.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aver.evals.statistics.intervals import CONFIDENCE, Array, Figure, Interval, area, ratio, wilson

__all__ = ["LARGE", "large_interval"]

LARGE = 2000
"""Questions above which a figure's distribution is as good as normal."""
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def large_interval(
    columns: Array, figure: Figure = ratio, clusters: NDArray[np.int64] | None = None, *, unbounded: bool = False
) -> Interval:
    """As :func:`~aver.evals.statistics.intervals.interval`, of many. ``clusters`` numbers them, shape ``(n,)``; each by itself where there are none.
    ``unbounded`` is what is no share of anything, however its values look."""
    n = len(columns)
    value = float(figure(np.ones((1, n)), columns)[0])
    shares = (
        not unbounded
        and figure is ratio
        and bool((columns[:, 1] == 1).all() and np.isin(columns[:, 0], (0.0, 1.0)).all())
    )
    if shares and (clusters is None or value in (0.0, 1.0)):
        count = n if clusters is None else len(np.unique(clusters))
        return Interval(value, *wilson(value, count), n, "wilson")
    parts = _area_parts(columns, value) if figure is area else _ratio_parts(columns, value)
    if clusters is not None:
        _, places = np.unique(clusters, return_inverse=True)
        parts = np.bincount(places, parts)
    count = len(parts)
    error = math.sqrt(count / (count - 1) * float(np.square(parts).sum())) if count > 1 else math.inf
    low, high = value - _Z * error, value + _Z * error
    bounded = figure is area or (
        not unbounded and bool((columns[:, 0] <= columns[:, 1]).all() and (columns[:, 0] >= 0).all())
    )
    if bounded:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(value, low, high, n, "linearised")


def _ratio_parts(columns: Array, value: float) -> Array:
    """What each question contributes to the ratio's error; they sum to 0."""
    return np.asarray((columns[:, 0] - value * columns[:, 1]) / columns[:, 1].sum())


def _area_parts(columns: Array, value: float) -> Array:
    """Placement values: of a question with an answer the share of those without that it stands above, and the other way about; as parts of
    the area's error."""
    positive = columns[:, 0] == 1
    scores = columns[:, 1]
    found = np.empty(len(scores))
    for kind, sign in ((positive, 1), (~positive, -1)):
        others = np.sort(scores[~kind])
        below = np.searchsorted(others, scores[kind], "left")
        level = np.searchsorted(others, scores[kind], "right") - below
        placed = (below + level / 2) / len(others)
        placed = placed if sign > 0 else 1 - placed
        found[kind] = (placed - value) / kind.sum()
    return found
