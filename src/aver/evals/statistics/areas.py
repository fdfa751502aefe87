"""The interval of an area under the ROC curve of many questions, worked out rather than drawn: a report of twenty thousand opens at once.

Its error is that of DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic curves: a
nonparametric approach" (1988), by clusters after Obuchowski, "Nonparametric analysis of clustered ROC curve data" (1997). Normal in the limit: it stands
in for the bootstrap of :func:`~aver.evals.statistics.intervals.interval` from :data:`MANY` questions on.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aver.evals.statistics.intervals import CONFIDENCE, Array, Interval, area

__all__ = ["MANY", "area_interval"]

MANY = 500
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def area_interval(columns: Array, clusters: NDArray[np.int64] | None = None) -> Interval:
    """``columns`` as :func:`~aver.evals.statistics.intervals.area` reads them, with questions of both kinds. ``clusters`` numbers them, shape ``(n,)``;
    each by itself where there are none."""
    n = len(columns)
    value = float(area(np.ones((1, n)), columns)[0])
    parts = _parts(columns, value)
    if clusters is not None:
        _, places = np.unique(clusters, return_inverse=True)
        parts = np.bincount(places, parts).astype(float)
    count = len(parts)
    error = math.sqrt(count / (count - 1) * float(np.square(parts).sum())) if count > 1 else math.inf
    return Interval(value, max(0.0, value - _Z * error), min(1.0, value + _Z * error), n, "student")


def _parts(columns: Array, value: float) -> Array:
    """Placement values: of a question with an answer the share of those without that it stands above, and the other way about; as parts of
    the area's error, which sum to 0."""
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
