"""What a figure's standard error is where questions depend on each other: those of one document, of one conversation, or one asked again.

A figure is taken as the sum of what each question contributes to its error, its *influence* (Hampel, "The influence curve and its role in
robust estimation", 1974), and questions of one cluster may depend on each other in any way (Liang and Zeger, "Longitudinal data analysis using generalized linear
models", 1986). With few clusters, or some much larger than others, such an error comes out too small and too sure: it is corrected, and given as many
degrees of freedom, as it would deserve were questions of a cluster all correlated to the extent observed (Bell and McCaffrey, "Bias reduction in standard errors
for linear regression with multi-stage samples", 2002); fewer where a few clusters make most of it. Simulated coverage is in ``bench/statistics.py``.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Places", "Spread", "influence", "numbered", "placements", "spread"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure's standard error, with the degrees of freedom of Student's distribution that it deserves. ``effective`` is how many
    questions that do not depend on each other would tell as much; ``correlation`` the intraclass correlation of influences; ``skewness`` that
    of the sum of the clusters' totals."""

    error: float
    freedom: float
    clusters: int
    effective: float
    correlation: float
    skewness: float


def numbered(clusters: Sequence[Hashable]) -> Places:
    """By question, the number of its cluster, from 0 in the order they first come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(each, len(numbers)) for each in clusters], np.intp)


def influence(columns: Array) -> tuple[Array, Array]:
    """Of a ratio of sums, by question: what it contributes to the ratio's error, and its share of the sum below."""
    below = columns[:, 1].sum()
    value = columns[:, 0].sum() / below
    return (columns[:, 0] - value * columns[:, 1]) / below, columns[:, 1] / below


def placements(columns: Array, value: float) -> tuple[Array, Array]:
    """The same of an area under the ROC curve of this ``value``: how much of the other kind each question is ahead of, or behind (DeLong, DeLong and
    Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic curves", 1988; Obuchowski,
    "Nonparametric analysis of clustered ROC curve data", 1997)."""
    scores, parts, shares = columns[:, 1], np.empty(len(columns)), np.empty(len(columns))
    for kind in (1.0, 0.0):
        ours = columns[:, 0] == kind
        others = np.sort(scores[~ours])
        upto = np.searchsorted(others, scores[ours], "left") + np.searchsorted(others, scores[ours], "right")
        ahead = upto / (2 * len(others))
        parts[ours] = ((ahead if kind else 1 - ahead) - value) / ours.sum()
        shares[ours] = 0.5 / ours.sum()
    return parts, shares


def spread(influences: Array, shares: Array, places: Places | None = None) -> Spread:
    """Of a figure with these influences, which sum to 0, since the figure was estimated from the same questions, each of which moved it by
    its share. ``places`` as :func:`numbered` gives them; each question by itself where there are none. At least two clusters."""
    n = len(influences)
    if places is None:
        places = np.arange(n)
    totals: Array = np.asarray(np.bincount(places, influences), float)
    parts: Array = np.asarray(np.bincount(places, shares), float)
    sizes = np.bincount(places).astype(float)
    count = len(sizes)
    correlation = _correlation(influences, totals, sizes)
    # Were the clusters' totals to vary by `model`, the sum of squared residuals would be `kept` in the mean rather than `model.sum()`.
    model = sizes * (1 - correlation) + np.square(sizes) * correlation
    overlap = float(np.square(parts).sum())
    sums = [float((model * parts**power).sum()) for power in range(3)]
    kept = sums[0] - 2 * sums[1] + overlap * sums[0]
    alone = float((np.square(model) * (1 + 2 * (overlap - 2 * parts))).sum())
    paired = overlap**2 * sums[0] ** 2 + 2 * sums[0] * sums[2] - 4 * overlap * sums[0] * sums[1] + 2 * sums[1] ** 2
    freedom = kept**2 / (alone + paired)
    squared = float(np.square(totals).sum())
    variance = squared * sums[0] / kept
    if squared > 0:
        # The variance of that sum of squares as observed, rather than as it were of a normal distribution.
        observed = float((totals**4).sum()) - squared**2 / count
        freedom = max(1.0, min(freedom, 2 * squared**2 / observed if observed > 0 else freedom))
    skewness = float((totals**3).sum()) / squared**1.5 if squared > 0 else 0.0
    independent = float(np.square(influences).sum()) * n / max(n - 1, 1)
    effective = min(float(n), n * independent / variance) if variance else float(count)
    return Spread(variance**0.5, freedom, count, effective, correlation, skewness)


def _correlation(influences: Array, totals: Array, sizes: Array) -> float:
    """By analysis of variance (Donner, "A review of inference procedures for the intraclass correlation coefficient", 1986), from 0 to 1."""
    n, count = len(influences), len(sizes)
    if n == count or count < 2:
        return 0.0
    explained = float((np.square(totals) / sizes).sum())
    between, within = explained / (count - 1), (float(np.square(influences).sum()) - explained) / (n - count)
    size = (n - float(np.square(sizes).sum()) / n) / (count - 1)
    whole = between + (size - 1) * within
    return min(1.0, max(0.0, (between - within) / whole)) if whole > 0 else 0.0
