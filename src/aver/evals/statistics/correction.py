"""A rate as an instrument sees it, corrected for how the instrument errs.

Where the errors are known from labels of other things, by sensitivity and specificity (Rogan and Gladen, "Estimating prevalence from the results of a screening
test", 1978). Where people labelled some of the very same things, by what the instrument was off on those: prediction-powered inference
(Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, "Prediction-powered inference", 2023).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from aver.evals.statistics.clusters import Array, spread
from aver.evals.statistics.distributions import normal_quantile, student_quantile
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Interval, places_of

__all__ = ["prediction_powered", "rogan_gladen"]


def rogan_gladen(seen: Interval, sensitivity: Interval, specificity: Interval) -> Interval | None:
    """The rate behind the one ``seen``, for an instrument that finds this share of positives, and passes this share of negatives, as people labelled them. Of the
    three their values and sizes count, effective ones where they were clustered. The interval allows for the uncertainty of all (Lang and Reiczigel, "Confidence
    limits for prevalence of disease adjusted for estimated sensitivity and specificity", 2014). ``None`` where the instrument tells positives from negatives no
    better than chance."""
    right1, right0 = sensitivity.value, specificity.value
    if right1 + right0 <= 1:
        return None
    value = (seen.value + right0 - 1) / (right1 + right0 - 1)
    z = normal_quantile(0.5 + CONFIDENCE / 2)
    # Each share with a few observations more, half of them positive, as Agresti and Coull do it.
    n, n1, n0 = (each.effective or each.n for each in (seen, sensitivity, specificity))
    size, size1, size0 = n + z * z, n1 + 2, n0 + 2
    rate, right1, right0 = (seen.value * n + z * z / 2) / size, (right1 * n1 + 1) / size1, (right0 * n0 + 1) / size0
    youden = right1 + right0 - 1
    if youden <= 0:
        return None
    centre = (rate + right0 - 1) / youden
    wrong1, wrong0 = right1 * (1 - right1) / size1, right0 * (1 - right0) / size0
    moved = 2 * z * z * (centre * wrong1 - (1 - centre) * wrong0)
    error = math.sqrt(rate * (1 - rate) / size + centre**2 * wrong1 + (1 - centre) ** 2 * wrong0) / youden
    low, high = centre + moved - z * error, centre + moved + z * error
    value = min(1.0, max(0.0, value))
    return Interval(value, min(value, max(0.0, low)), max(value, min(1.0, high)), seen.n, "corrected")


def prediction_powered(
    labels: Array,
    predicted: Array,
    others: Array,
    clusters: Sequence[Hashable] | None = None,
    other_clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """The mean of what people would say of everything: ``labels`` are theirs, ``predicted`` the instrument's of the same things, ``others`` the
    instrument's of the rest. The instrument counts as much as it is worth (Angelopoulos, Duchi and Zrnic, "PPI++", 2023): one that tells nothing leaves
    the mean of the labels."""
    n, rest = len(labels), len(others)
    worth = 0.0
    if n > 1 and rest > 1 and (varies := float(np.var(np.concatenate((predicted, others))))) > 0:
        covariance = float(np.cov(labels, predicted)[0, 1])
        worth = min(1.0, max(0.0, covariance / ((1 + n / rest) * varies)))
    off = labels - worth * predicted
    value = float(off.mean()) + (worth * float(others.mean()) if worth else 0.0)
    if n < LEAST:
        return Interval(value, None, None, n, "too few")
    sides = [_error(off, clusters)]
    if worth:
        sides.append(_error(worth * others, other_clusters))
    variance = sum(error**2 for error, _ in sides)
    # Satterthwaite, "An approximate distribution of estimates of variance components" (1946).
    freedom = variance**2 / sum(error**4 / free for error, free in sides) if variance else n - 1
    margin = student_quantile(0.5 + CONFIDENCE / 2, freedom) * math.sqrt(variance)
    return Interval(value, value - margin, value + margin, n + rest, "corrected")


def _error(values: Array, clusters: Sequence[Hashable] | None) -> tuple[float, float]:
    n = len(values)
    found = spread((values - values.mean()) / n, np.full(n, 1 / n), places_of(clusters))
    return found.error, found.freedom
