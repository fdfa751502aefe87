"""What sums over turns say of an arm against the control, with bounds that may be looked at as often as one likes (:mod:`~aver.evals.statistics.boundary`).

Turns of two arms are compared stage by stage, since the arms' parts of the traffic differ between stages and so may the traffic: what is added up
is, of each stage, the difference of the means times ``h = n1 n0 / (n1 + n0)`` (n by weight, where readings are of more than one part each), over the information
``sum(h)``.

Turns of one unit depend on each other. The variance is that of the sums over groups of units, to which stages and arms contribute together, so it is
right however turns hang together within units; with few units it is of few degrees of freedom. Means of shares are bounded by their deviance, those of
what is unbounded by that variance. Of these a covariate takes away what it explains (CUPED: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online
controlled experiments by utilizing pre-experiment data", 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aver.evals.statistics.boundary import ends, reach, widened
from aver.releases.rollout.observed import COUNT, COVARIATE, CROSS, SQUARE, SQUARED_COVARIATE, VALUE, WEIGHT

__all__ = ["Estimate", "adjusted", "compare", "imbalance", "level"]

Sums = NDArray[np.float64]
_SMOOTHED = 0.25
"""Added to an arm's sum of squares: a few turns that happen to be alike do not say that there is no variance."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``value`` with a bound on either side, each of which holds at all times with its own error. ``information`` in pairs of turns, or in turns
    where it is of one arm."""

    value: float
    low: float
    high: float
    information: float
    deviation: float
    """Of one turn, all sources of dependence counted."""
    control: float = math.nan
    """Mean of the control."""
    treated: float = math.nan
    n: tuple[int, int] = (0, 0)
    explained: float = 0.0
    """The part of the variance that the covariate took away."""


def adjusted(sums: Sums) -> tuple[Sums, float]:
    """The sums with values less what the covariate explains, and the part of the variance that this takes away. ``sums`` has the shape ``(stages, arms,
    groups, 7)``. One coefficient for all, from within stages and arms, so no effect of an arm is in it."""
    whole = sums.sum(axis=2)
    n = np.maximum(whole[..., WEIGHT], 1e-9)
    between = (whole[..., CROSS] - whole[..., COVARIATE] * whole[..., VALUE] / n).sum()
    spread = (whole[..., SQUARED_COVARIATE] - whole[..., COVARIATE] ** 2 / n).sum()
    total = (whole[..., SQUARE] - whole[..., VALUE] ** 2 / n).sum()
    if spread <= 1e-9 or total <= 1e-9:
        return sums, 0.0
    centre = whole[..., COVARIATE].sum() / max(whole[..., WEIGHT].sum(), 1e-9)
    slope, kept = between / spread, sums.copy()
    apart = sums[..., COVARIATE] - centre * sums[..., WEIGHT]
    crossed = sums[..., CROSS] - centre * sums[..., VALUE]
    squared = sums[..., SQUARED_COVARIATE] - 2 * centre * sums[..., COVARIATE] + centre**2 * sums[..., WEIGHT]
    kept[..., VALUE] -= slope * apart
    kept[..., SQUARE] += slope * (slope * squared - 2 * crossed)
    return kept, float(min(1.0, between * between / (spread * total)))


def compare(sums: Sums, arm: int, low_error: float, high_error: float, *, share: bool = False) -> Estimate | None:
    """How much more the arm's values are than the control's, which is arm 0. ``sums`` as :func:`adjusted` takes them, of stages in which chance
    alone divided the turns; of values between 0 and 1 where they are a ``share``. ``None`` where no stage has two turns of both, or an arm less than two groups."""
    kept, explained = (sums[:, [0, arm]], 0.0) if share else adjusted(sums[:, [0, arm]])
    kept = kept[(kept[..., COUNT].sum(axis=2) >= 2).all(axis=1)]
    if not len(kept):
        return None
    n, weights = kept[..., COUNT].sum(axis=2), kept[..., WEIGHT]
    mass = weights.sum(axis=2)
    mean = kept[..., VALUE].sum(axis=2) / mass
    pairs = mass.prod(axis=1) / mass.sum(axis=1)
    # Of each group, what it adds to the mean of the differences beyond the stages' means.
    parts = (pairs / pairs.sum())[:, None]
    rest = (kept[..., VALUE] - mean[..., None] * weights) / mass[..., None] * np.sqrt(n / (n - 1))[..., None]
    totals = (parts * (rest[:, 1] - rest[:, 0])).sum(axis=0)
    found = _spread(kept, parts, n, mean, totals)
    freedom = min(_groups(weights[:, place].sum(axis=0)) for place in (0, 1)) - 1
    if freedom < 1:
        return None
    information = float((n.prod(axis=1) / n.sum(axis=1)).sum())
    low, high = (widened(reach(information, error), freedom) for error in (low_error, high_error))
    before, after = (float(each) for each in (parts * mean).sum(axis=0))
    if share:
        (least, _), (_, most) = (ends(after, found.worth[1], each) for each in (low, high))
        (_, above), (below, _) = (ends(before, found.worth[0], each) for each in (low, high))
        # Each end from those of the two means (Newcombe, "Interval estimation for the difference between independent proportions", 1998, method 10).
        margins = math.hypot(after - least, above - before), math.hypot(most - after, before - below)
    else:
        margins = found.error * low, found.error * high
    counted = n.sum(axis=0)
    means = (mean * mass).sum(axis=0) / mass.sum(axis=0)
    return Estimate(
        after - before,
        after - before - margins[0],
        after - before + margins[1],
        information,
        found.error * math.sqrt(information),
        float(means[0]),
        float(means[1]),
        (int(counted[0]), int(counted[1])),
        explained,
    )


def level(sums: Sums, low_error: float, high_error: float, *, share: bool = False) -> Estimate | None:
    """The mean of one arm. ``sums`` has the shape ``(stages, groups, 7)``, of values between 0 and 1 where they are a ``share``; ``None`` below two turns."""
    whole = sums.sum(axis=0)[None, None]
    n, weights = whole[..., COUNT].sum(axis=2), whole[0, 0, :, WEIGHT]
    count, mass = float(n[0, 0]), float(weights.sum())
    if count < 2:
        return None
    mean = whole[..., VALUE].sum(axis=2) / mass
    value = float(mean[0, 0])
    totals = (whole[0, 0, :, VALUE] - value * weights) / mass * math.sqrt(count / (count - 1))
    found = _spread(whole, np.ones((1, 1)), n, mean, totals)
    # A mean of n turns knows as much as a difference does of n pairs.
    freedom = _groups(weights) - 1
    low, high = (widened(reach(count, error), freedom) for error in (low_error, high_error))
    if share:
        least, most = ends(value, found.worth[0], low)[0], ends(value, found.worth[0], high)[1]
    else:
        least, most = value - found.error * low, value + found.error * high
    return Estimate(value, least, most, count, found.error * math.sqrt(count), treated=value, n=(0, int(count)))


@dataclass(frozen=True, slots=True)
class _Spread:
    """``error`` is the standard error of the difference, or of the one mean; ``worth`` by arm, how many yes-or-no values that depend on nothing tell as
    much as its turns do."""

    error: float
    worth: tuple[float, ...]


def _spread(sums: Sums, parts: Sums, n: Sums, mean: Sums, totals: Sums) -> _Spread:
    """``sums`` has the shape ``(stages, arms, groups, 7)``, ``parts`` ``(stages, 1)``, ``n`` and ``mean`` ``(stages, arms)``, ``totals`` ``(groups,)``.

    Turns that hang together say less than as many that do not, never more: the variance between groups counts where it is the greater. Of a share it
    is that of yes-or-no values of its mean, less where its values lie between: both arms tell how much less, so that the smaller one is not
    believed to be sure where nothing has gone wrong in it yet (the variance under the null hypothesis; Farrington and Manning, "Test statistics and sample size
    formulae for comparative binomial trials", 1990, for the idea).
    """
    squares = np.maximum(sums[..., SQUARE].sum(axis=2) / sums[..., WEIGHT].sum(axis=2) - mean**2, 0.0)
    alone = float((parts**2 * squares / (n - 1)).sum())
    together = float(totals @ totals) * len(totals) / (len(totals) - 1)
    error = math.sqrt(max(alone, together) + float((parts**2 * _SMOOTHED / n**2).sum()))
    inner = np.clip(mean, 0.0, 1.0)
    dispersion = (float((n * squares).sum()) + _SMOOTHED) / (float((n * inner * (1 - inner)).sum()) + _SMOOTHED)
    effect = max(1.0, together / alone) if alone > 0 else 1.0
    turns = 1 / (parts**2 / n).sum(axis=0)
    return _Spread(error, tuple(float(each) / (dispersion * effect) for each in turns))


def _groups(weights: Sums) -> float:
    """How many groups of equal weight these come to (Kish, "Survey Sampling", 1965)."""
    squared = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squared if squared else 0.0


def imbalance(turns: Sums, arm: int, expected: Sums, error: float) -> tuple[float, bool]:
    """The chi-square statistic, of one degree of freedom, of an arm's turns against the part of them that it should have had, and whether it is more than
    chance explains at any number of looks (Lindon and Malek, "Anytime-valid inference for multinomial count data", 2022).

    ``turns`` has the shape ``(stages, arms, groups)``, ``expected`` the arm's part by stage. The variance is that between groups of units, or chance's
    own where that is more: a unit's turns all go to one arm.
    """
    total, had = turns.sum(axis=1), turns[:, arm]
    off = (had - expected[:, None] * total).sum(axis=0)
    n = float(total.sum())
    own = float((expected * (1 - expected) * total.sum(axis=1)).sum())
    variance = max(float(off @ off), own)
    if n < 1 or variance <= 0:
        return 0.0, False
    statistic = float(off.sum()) ** 2 / variance
    return statistic, statistic > reach(n, error / 2) ** 2
