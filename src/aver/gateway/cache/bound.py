"""How sure a rate is that was counted."""

from __future__ import annotations

from math import exp, lgamma, log

__all__ = ["interval"]


def interval(wrong: int, of: int) -> tuple[float, float]:
    """The two-sided 95 % interval of a rate, ``wrong`` out of ``of``: exact (Clopper and Pearson, Biometrika 26, 1934).

    Of nothing counted it is everything: ``(0, 1)``. None wrong is below 1 % from 368 on.
    """
    if of == 0:
        return 0.0, 1.0
    low = 0.0 if wrong == 0 else _root(wrong - 1, of, 0.975)
    high = 1.0 if wrong == of else _root(wrong, of, 0.025)
    return low, high


def _root(at_most: int, of: int, probability: float) -> float:
    """The rate at which ``at_most`` or fewer of ``of`` have this probability, which falls with the rate."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _cumulative(at_most, of, middle) > probability:
            low = middle
        else:
            high = middle
    return high


def _cumulative(at_most: int, of: int, rate: float) -> float:
    """The binomial distribution up to ``at_most``, from its logarithm so that large counts do not overflow."""
    yes, no, all_ways = log(rate), log(1 - rate), lgamma(of + 1)
    return sum(
        exp(all_ways - lgamma(count + 1) - lgamma(of - count + 1) + count * yes + (of - count) * no)
        for count in range(at_most + 1)
    )
