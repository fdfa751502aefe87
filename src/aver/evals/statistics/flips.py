"""The same yes-or-no questions asked of two runs: those that turned, and what they tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aver.evals.statistics.clusters import Array
from aver.evals.statistics.distributions import binomial_cdf
from aver.evals.statistics.intervals import CONFIDENCE, wilson

__all__ = ["Flips", "flips", "newcombe"]


@dataclass(frozen=True, slots=True)
class Flips:
    """How many of ``n`` pairs turned right and wrong, and were right in both. ``exact`` and ``mid_p`` are of McNemar's test ("Note on the sampling error of the
    difference between correlated proportions or percentages", 1947), two-sided: the first is never too small, the second rejects about as often
    as it says (Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data", 2013)."""

    n: int
    right: int
    wrong: int
    both: int
    exact: float
    mid_p: float


def flips(before: Array, after: Array) -> Flips:
    """Of two columns of 0 and 1, row by row of the same questions."""
    right = int(np.count_nonzero((before == 0) & (after == 1)))
    wrong = int(np.count_nonzero((before == 1) & (after == 0)))
    fewer, turned = min(right, wrong), right + wrong
    below, upto = binomial_cdf(fewer - 1, turned), binomial_cdf(fewer, turned)
    exact = min(1.0, 2 * upto)
    return Flips(
        n=len(before),
        right=right,
        wrong=wrong,
        both=int(np.count_nonzero((before == 1) & (after == 1))),
        exact=exact,
        mid_p=below + upto,  # of what is observed itself, half counts on either side
    )


def newcombe(found: Flips, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the share right after less that before: from Wilson's of either, and how the two go together (Newcombe, "Improved confidence
    intervals for the difference between binomial proportions based on paired data", 1998, method 10)."""
    n, neither = found.n, found.n - found.right - found.wrong - found.both
    before, after = (found.both + found.wrong) / n, (found.both + found.right) / n
    (low0, high0), (low1, high1) = wilson(before, n, confidence), wilson(after, n, confidence)
    phi = _correlation(found.both, found.wrong, found.right, neither)
    value = after - before
    down = (after - low1) ** 2 - 2 * phi * (after - low1) * (high0 - before) + (high0 - before) ** 2
    up = (high1 - after) ** 2 - 2 * phi * (high1 - after) * (before - low0) + (before - low0) ** 2
    return value - math.sqrt(max(0.0, down)), value + math.sqrt(max(0.0, up))


def _correlation(both: int, wrong: int, right: int, neither: int) -> float:
    """Phi, corrected for continuity where positive; 0 where one margin is empty."""
    margins = (both + wrong) * (right + neither) * (both + right) * (wrong + neither)
    if not margins:
        return 0.0
    apart = both * neither - wrong * right
    n = both + wrong + right + neither
    return (max(apart - n / 2, 0.0) if apart > 0 else float(apart)) / math.sqrt(margins)
