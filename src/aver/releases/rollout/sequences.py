"""Figures that may be looked at as often as one likes: bounds that hold at all times at once, over sums instead of values.

Turns of two arms are compared stage by stage, since the arms' parts of the traffic differ between stages and so may the traffic: what is added up
is, of each stage, the difference of the means times ``h = n1 n0 / (n1 + n0)`` (n by weight, where readings are of more than one part each). That sum behaves as a Brownian motion over the information
``sum(h)`` (Jennison and Turnbull, "Group Sequential Methods with Applications to Clinical Trials", 2000, chapter 11), and a mixture over half of a
normal distribution bounds it at all times (Robbins, "Statistical methods related to the law of the iterated logarithm", 1970; the closed form is
proposition 6 of Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021; with a variance
that is estimated, Waudby-Smith and others, "Time-uniform central limit theory and asymptotic confidence sequences", 2024).

Turns of one unit depend on each other. The variance is that of the sums over groups of units, to which stages and arms contribute together, so it is
right however turns hang together within units. A covariate takes away what it explains (CUPED: Deng, Xu, Kohavi and Walker, "Improving the
sensitivity of online controlled experiments by utilizing pre-experiment data", 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aver.releases.rollout.observed import COUNT, COVARIATE, CROSS, SQUARE, SQUARED_COVARIATE, VALUE, WEIGHT

__all__ = ["PLANNED", "Estimate", "adjusted", "compare", "imbalance", "level", "reach"]

Sums = NDArray[np.float64]
PLANNED = 400.0
"""The information at which bounds are narrowest for what they claim, in pairs of turns: about that of 1,600 turns, half of them in either arm. They
hold at all other times too."""
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


def reach(information: float, error: float, planned: float = PLANNED) -> float:
    """How many standard errors from the truth an estimate ever gets on one side, but with probability ``error``."""
    doubled = max(-2 * math.log(2 * error), 0.1)  # an error near a half is no claim, and needs no best place
    prior = planned / (doubled + math.log1p(doubled))
    grown = (information + prior) / information
    return math.sqrt(2 * grown * math.log1p(math.sqrt((information + prior) / prior) / (2 * error)))


def adjusted(sums: Sums) -> tuple[Sums, float]:
    """The sums of values by ``(stages, arms, groups)`` less what the covariate explains, and the part of the variance that this takes away.
    ``sums`` has the shape ``(stages, arms, groups, 7)``. One coefficient for all, from within stages and arms, so no effect of an arm is in it."""
    whole = sums.sum(axis=2)
    n = np.maximum(whole[..., WEIGHT], 1e-9)
    between = (whole[..., CROSS] - whole[..., COVARIATE] * whole[..., VALUE] / n).sum()
    spread = (whole[..., SQUARED_COVARIATE] - whole[..., COVARIATE] ** 2 / n).sum()
    total = (whole[..., SQUARE] - whole[..., VALUE] ** 2 / n).sum()
    if spread <= 1e-9 or total <= 1e-9:
        return sums[..., VALUE], 0.0
    centre = whole[..., COVARIATE].sum() / max(whole[..., WEIGHT].sum(), 1e-9)
    kept = sums[..., VALUE] - between / spread * (sums[..., COVARIATE] - centre * sums[..., WEIGHT])
    return kept, float(min(1.0, between * between / (spread * total)))


def compare(sums: Sums, arm: int, low_error: float, high_error: float) -> Estimate | None:
    """How much more the arm's values are than the control's, which is arm 0. ``sums`` as :func:`adjusted` takes them, of stages in which chance
    alone divided the turns. ``None`` where no stage has two turns of both."""
    values, explained = adjusted(sums[:, [0, arm]])
    weights, n = sums[:, [0, arm]][..., WEIGHT], sums[:, [0, arm]][..., COUNT].sum(axis=2)
    both = (n >= 2).all(axis=1)
    if not both.any():
        return None
    values, weights, n = values[both], weights[both], n[both]
    mass = weights.sum(axis=2)
    mean = values.sum(axis=2) / mass
    pairs = mass.prod(axis=1) / mass.sum(axis=1)
    # Of each group, what it adds to the weighted sum of differences beyond the means; the correction is for the means, estimated too.
    rest = (values - mean[..., None] * weights) / mass[..., None] * np.sqrt(n / (n - 1))[..., None]
    parts = (pairs[:, None] * (rest[:, 1] - rest[:, 0])).sum(axis=0)
    smooth = float((pairs**2 * (_SMOOTHED / n**2).sum(axis=1)).sum())
    variance = float(parts @ parts) * len(parts) / (len(parts) - 1) + smooth
    information = float((n.prod(axis=1) / n.sum(axis=1)).sum())
    value = float((pairs * (mean[:, 1] - mean[:, 0])).sum() / pairs.sum())
    error = math.sqrt(variance) / float(pairs.sum())
    means = (mean * mass).sum(axis=0) / mass.sum(axis=0)
    counted = n.sum(axis=0)
    return Estimate(
        value,
        value - error * reach(information, low_error),
        value + error * reach(information, high_error),
        information,
        error * math.sqrt(information),
        float(means[0]),
        float(means[1]),
        (int(counted[0]), int(counted[1])),
        explained,
    )


def level(sums: Sums, low_error: float, high_error: float) -> Estimate | None:
    """The mean of one arm. ``sums`` has the shape ``(stages, groups, 7)``; ``None`` below two turns."""
    n = float(sums[..., COUNT].sum())
    if n < 2:
        return None
    weights, values = sums[..., WEIGHT].sum(axis=0), sums[..., VALUE].sum(axis=0)
    mass = float(weights.sum())
    mean = float(values.sum()) / mass
    rest = (values - mean * weights) / mass
    error = math.sqrt(float(rest @ rest) * n / (n - 1) * len(rest) / (len(rest) - 1) + _SMOOTHED / n**2)
    # A mean of n turns knows as much as a difference does of n pairs.
    low, high = mean - error * reach(n, low_error), mean + error * reach(n, high_error)
    return Estimate(mean, low, high, n, error * math.sqrt(n), treated=mean, n=(0, int(n)))


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
