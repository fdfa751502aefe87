"""The few distributions that intervals and tests need, to about twelve digits."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["beta_cdf", "binomial_cdf", "normal_cdf", "normal_quantile", "student_cdf", "student_quantile"]

_NORMAL = NormalDist()
_TINY = 1e-300
_EPSILON = 1e-15
_MANY = 1e7
"""Degrees of freedom from which Student's distribution is the normal one."""


def normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def normal_quantile(share: float) -> float:
    return _NORMAL.inv_cdf(share)


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun, 26.5.8) as Lentz evaluates one."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    found = numerator = 1.0
    denominator = 1 / _apart(1 - (a + b) * x / (a + 1))
    found = denominator
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 / _apart(1 + term * denominator)
            numerator = _apart(1 + term / numerator)
            factor = denominator * numerator
            found *= factor
        if abs(factor - 1) < _EPSILON:
            break
    return math.exp(scale) * found / a


def _apart(value: float) -> float:
    """Not zero."""
    return value if abs(value) > _TINY else _TINY


def binomial_cdf(k: int, n: int, share: float = 0.5) -> float:
    """The chance of ``k`` successes or fewer among ``n``."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else 1 - beta_cdf(share, k + 1, n - k)


def student_cdf(t: float, freedom: float) -> float:
    """Of Student's distribution; ``freedom`` need not be whole."""
    if freedom >= _MANY:
        return normal_cdf(t)
    tail = beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return tail if t < 0 else 1 - tail


def student_quantile(share: float, freedom: float) -> float:
    """The inverse of :func:`student_cdf`, by Newton's method kept within bounds."""
    if freedom >= _MANY:
        return normal_quantile(share)
    if share <= 0.5:
        return -student_quantile(1 - share, freedom) if share < 0.5 else 0.0
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < share:
        low, high = high, 2 * high
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    t = (low + high) / 2
    for _ in range(100):
        off = student_cdf(t, freedom) - share
        low, high = (low, t) if off > 0 else (t, high)
        step = off / math.exp(scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))
        if abs(step) <= 4 * _EPSILON * t or high - low <= 4 * _EPSILON * high:
            break
        t = t - step if low < t - step < high else (low + high) / 2
    return t
