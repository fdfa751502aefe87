"""How far chance ever carries a sum that is looked at again and again: bounds that hold at all looks at once, for sums that behave as a Brownian motion does.

A sum of many differences is such a motion over the *information* collected (Jennison and Turnbull, "Group Sequential Methods with Applications to
Clinical Trials", 2000, chapter 11). Half of the error goes to a level that it reaches before the information that was planned with just that chance, by
the reflection principle (with few looks that is O'Brien and Fleming's boundary, "A multiple testing procedure for clinical trials", 1979): it costs
little at the end of the plan, and is of no use behind it. The other half goes to a mixture over half of a normal distribution, which holds for ever (Robbins,
"Statistical methods related to the law of the iterated logarithm", 1970; the closed form is proposition 6 of Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", 2021) and finds what is large long before.
"""

from __future__ import annotations

import math

from aver.evals.statistics.distributions import normal_quantile

__all__ = ["PLANNED", "ends", "reach", "widened"]

PLANNED = 500.0
"""The information at which bounds are narrowest for what they claim, in pairs of values: that of 2,000 turns, half of them in either arm. They hold at all
other times too."""
_EARLY = 0.25
"""The part of the plan at which the mixture is narrowest."""
_ROUNDS = 60
_MOST_EXPONENT = 500.0


def reach(information: float, error: float, planned: float = PLANNED) -> float:
    """How many standard errors from the truth an estimate ever gets on one side, but with probability ``error``."""
    mixed = error / 2
    doubled = max(-2 * math.log(2 * mixed), 0.1)  # an error near one is no claim, and needs no best place
    prior = _EARLY * planned / (doubled + math.log1p(doubled))
    grown = (information + prior) / information
    always = math.sqrt(2 * grown * math.log1p(math.sqrt((information + prior) / prior) / (2 * mixed)))
    if information > planned:
        return always
    # Twice the chance of being above the level at the end is that of ever being there before.
    return min(always, normal_quantile(1 - (error - mixed) / 2) * math.sqrt(planned / information))


def widened(reached: float, freedom: float) -> float:
    """``reached`` standard errors, where these rest on a variance of so many degrees of freedom, as Student's distribution is wider than the normal one
    (Wallace, "Bounds on normal approximations to Student's and the chi-square distributions", 1959)."""
    wide = reached * (8 * freedom + 3) / (8 * freedom + 1)
    exponent = wide * wide / freedom if freedom > 0 else math.inf
    return math.sqrt(freedom * math.expm1(exponent)) if exponent < _MOST_EXPONENT else math.inf


def ends(share: float, n: float, reached: float) -> tuple[float, float]:
    """Between which a mean of values from 0 to 1 may lie that was found to be ``share`` in ``n`` yes-or-no values, or what is worth as many.

    By the signed root of the deviance, whose tails are those of a normal distribution far better than the tails of the share itself where that is near 0 or 1
    (McCullagh and Nelder, "Generalized Linear Models", 1989); none seen among few says little, and one among few proves nothing.
    """
    most = reached * reached / (2 * n)
    return 1 - _beyond(1 - share, most), _beyond(share, most)


def _beyond(share: float, most: float) -> float:
    """The largest chance whose divergence from ``share`` is ``most``, by bisection, rounded up."""
    low, high = share, 1.0
    for _ in range(_ROUNDS if most < _MOST_EXPONENT else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if _divergence(share, middle) > most else (middle, high)
    return high


def _divergence(share: float, chance: float) -> float:
    """Kullback and Leibler's, of two yes-or-no values; ``chance`` is at least ``share``."""
    one = share * math.log(share / chance) if share > 0 else 0.0
    if share >= 1 or chance >= 1:
        return one if share >= chance else math.inf
    return one + (1 - share) * math.log((1 - share) / (1 - chance))
