"""How well an offline figure foretells an online one over releases, and whether it still does. Pure, and honest about few releases.

Pearson's correlation has Fisher's interval ("On the probable error of a coefficient of correlation", 1921), Spearman's the one that Bonett and Wright found to
hold for it ("Sample size requirements for estimating Pearson, Kendall and Spearman correlations", 2000). Errors of measurement of either figure
pull a correlation towards nothing; it is not corrected for that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean
from typing import Literal

import numpy as np

__all__ = ["FEWEST", "Correlation", "Pair", "correlate", "interval", "pearson", "ranks", "spearman"]

FEWEST = 5
"""Releases below which nothing is said of a correlation but that there are too few: three points lie on a line more often than not."""
_CONFIDENCE = 0.95
Standing = Literal["too few", "predicts", "unclear", "does not predict", "stopped predicting"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One release, oldest first where there are several: what it had offline and online, of a slice or of all."""

    release: str
    offline: float
    online: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """What ``offline`` says of ``online`` over ``n`` releases. ``agreed`` of ``moves`` is how often both moved the same way from one release to the next,
    which is what a gate relies on. ``outlier`` is the last release, where it lies outside of what those before it foretold."""

    offline: str
    online: str
    slice: str
    n: int
    pearson: float | None
    pearson_interval: tuple[float, float] | None
    spearman: float | None
    spearman_interval: tuple[float, float] | None
    agreed: int
    moves: int
    standing: Standing
    outlier: str
    said: str


def correlate(
    offline: str, online: str, pairs: Sequence[Pair], slice_: str = "", *, same_way: bool = True
) -> Correlation:
    """``same_way`` where more of the one should go with more of the other; for a figure of which less is better it should go with less."""
    before = np.array([pair.offline for pair in pairs], float)
    after = np.array([pair.online for pair in pairs], float) * (1 if same_way else -1)
    n, moves = len(pairs), [(b - a, d - c) for (a, b), (c, d) in zip(pairwise(before), pairwise(after), strict=True)]
    moved = [(x, y) for x, y in moves if x and y]
    agreed = sum((x > 0) == (y > 0) for x, y in moved)
    straight, ranked = pearson(before, after), spearman(before, after)
    bounds = None if straight is None else interval(straight, n)
    ranked_bounds = None if ranked is None else interval(ranked, n, ranked=True)
    outlier = _outlier(before, after)
    standing = _standing(n, ranked_bounds, outlier, _stopped(before, after))
    last = pairs[-1].release if pairs and outlier else ""
    said = _said(offline, online, n, ranked, ranked_bounds, (agreed, len(moved)), standing, last)
    return Correlation(
        offline, online, slice_, n, straight, bounds, ranked, ranked_bounds, agreed, len(moved), standing, last, said
    )


def pearson(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    """``None`` where either does not vary."""
    x, y = np.asarray(one, float), np.asarray(other, float)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))


def spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    """Pearson's of the ranks, equal values at their mean rank."""
    return pearson(ranks(one), ranks(other))


def ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """From 1, ties at the mean of their places."""
    _, place, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place])


def interval(r: float, n: int, *, ranked: bool = False, confidence: float = _CONFIDENCE) -> tuple[float, float] | None:
    """Around a correlation of ``n`` pairs; ``None`` below :data:`FEWEST`."""
    if n < FEWEST:
        return None
    z = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))
    error = math.sqrt((1 + (r * r / 2 if ranked else 0)) / (n - 3)) * NormalDist().inv_cdf(0.5 + confidence / 2)
    return math.tanh(z - error), math.tanh(z + error)


def student(probability: float, freedom: int) -> float:
    """The quantile of Student's distribution, by the expansion of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, 1)))


def _outlier(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether the last release lies outside of the interval that a straight line through those before it foretells it to be in (99 of 100 would not)."""
    n = len(before) - 1
    if n < FEWEST or np.ptp(before[:-1]) == 0:
        return False
    x, y = before[:-1], after[:-1]
    slope, level = np.polyfit(x, y, 1)
    rest = y - (slope * x + level)
    spread = math.sqrt(float(rest @ rest) / (n - 2))
    off = before[-1] - fmean(x)
    error = spread * math.sqrt(1 + 1 / n + off * off / float(((x - x.mean()) ** 2).sum()))
    return bool(abs(after[-1] - (slope * before[-1] + level)) > student(0.995, n - 2) * error + 1e-9)


def _stopped(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether it foretold over the older releases and does not over as many recent ones: the recent correlation's interval lies below the older's."""
    half = len(before) // 2
    if half < FEWEST:
        return False
    older, recent = (spearman(before[part], after[part]) for part in (slice(0, half), slice(-half, None)))
    if older is None or recent is None:
        return False
    then, now = interval(older, half, ranked=True), interval(recent, half, ranked=True)
    assert then is not None
    assert now is not None
    return then[0] > 0 and recent <= 0 and _apart(older, recent, half)


def _apart(older: float, recent: float, n: int) -> bool:
    """Whether two correlations of ``n`` pairs each differ by more than chance explains in 95 of 100."""
    error = math.sqrt(sum((1 + r * r / 2) / (n - 3) for r in (older, recent)))
    bounded = [math.atanh(min(max(r, -0.999999), 0.999999)) for r in (older, recent)]
    return bounded[0] - bounded[1] > NormalDist().inv_cdf(_CONFIDENCE) * error


def _standing(n: int, ranked: tuple[float, float] | None, outlier: bool, stopped: bool) -> Standing:
    if n < FEWEST or ranked is None:
        return "too few"
    if stopped or outlier:
        return "stopped predicting"
    low, high = ranked
    return "predicts" if low > 0 else "does not predict" if high < 0.3 else "unclear"


def _said(
    offline: str,
    online: str,
    n: int,
    ranked: float | None,
    bounds: tuple[float, float] | None,
    moved: tuple[int, int],
    standing: Standing,
    last: str,
) -> str:
    agreed, moves = moved
    way = f"moved the same way {agreed} of {moves} times" if moves else "never both moved"
    if standing == "too few" or bounds is None:
        why = f"{n} releases are too few to tell, {FEWEST} are needed" if n < FEWEST else "one of the two never varied"
        return f"{offline} and {online}: {why}; they {way}"
    figures = f"Spearman {ranked:.2f} [{bounds[0]:.2f}, {bounds[1]:.2f}] over {n} releases; they {way}"
    if standing == "stopped predicting":
        where = f", release {last[:12]} was not foretold" if last else ", over the recent half of releases"
        return f"{offline} has stopped predicting {online}{where}: {figures}"
    verb = {"predicts": "predicts", "unclear": "may predict", "does not predict": "does not predict"}[standing]
    return f"{offline} {verb} {online}: {figures}"
