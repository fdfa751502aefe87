"""What a gate judges, with how sure it is: a figure, its change against a baseline, or the factor between the two.

The unit that chance draws is the cluster: cases of one are taken together, and so are the repeats of a case.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from aver.evals.gates.types import unbounded
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Array, Interval, interval, ratio, wilson
from aver.evals.statistics.pairing import Difference, difference

__all__ = ["change", "detectable", "doubt", "factor", "figure", "needed", "tail"]

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
_POWER = 0.8
"""How often a sample that is called large enough decides."""
_REACH = _Z + NormalDist().inv_cdf(_POWER)
_MOST = 10_000_000
"""Cases beyond which it is no use to name a number."""


def figure(rows: Array, measure: str) -> Interval:
    """A ratio of sums. ``rows``, shape ``(n, 3)``, as :func:`~aver.evals.gates.sheet.columns` gives them, at least one.

    An amount that is the same for all (a cost of nothing) is that amount: it is no share, of which Wilson's interval would leave some room.
    """
    sums = _clustered(rows)
    found = interval(sums, ratio)
    each = _ratios(sums)
    if unbounded(measure) and bool((each == each[0]).all()):
        known = found.value if len(sums) >= LEAST else None
        return Interval(found.value, known, known, len(rows), "too few" if known is None else "student")
    return Interval(found.value, found.low, found.high, len(rows), found.method)


def change(before: Array, after: Array) -> Difference:
    """``after`` less ``before``, whose rows are the same cases.

    Where no case differs a bootstrap sees no doubt at all. Something between 0 and 1 can then have changed in so many cases as Wilson's
    interval of none allows, and by 1 at most: that is the interval.
    """
    found = difference(_clustered(before), _clustered(after), ratio)
    n = len(before)
    same = found.low is not None and bool((_ratios(before) == _ratios(after)).all())
    within = bool((before[:, 0] <= before[:, 1]).all())
    room = wilson(0.0, len(np.unique(before[:, 2])))[1] if same and within else None
    low, high = (found.low, found.high) if room is None else (-room, room)
    return Difference(found.before, found.after, found.value, low, high, found.p, n)


def factor(before: Array, after: Array) -> Interval:
    """The sum of ``after`` over that of ``before``, case by case: how many times as much."""
    clusters = before[:, 2]
    paired = np.column_stack((_ratios(after), _ratios(before), clusters))
    found = interval(_clustered(paired), ratio)
    return Interval(found.value, found.low, found.high, len(before), found.method)


def doubt(low: float, high: float) -> float:
    """The standard error that an interval stands for."""
    return (high - low) / (2 * _Z)


def tail(value: float, edge: float, bound: float) -> float:
    """The chance of a figure as far beyond ``bound`` as ``value`` is, were it at the bound: normal, with the spread that put ``edge``, the
    end of the interval that faces the bound, where it is. At the edge itself it is 2.5 %."""
    if math.isclose(value, edge, abs_tol=1e-12):
        return 1.0 if math.isclose(value, bound, abs_tol=1e-12) else 0.0
    return 1 - NormalDist().cdf(_Z * abs(bound - value) / abs(edge - value))


def needed(found: Interval, bound: float) -> int | None:
    """Cases with which ``bound`` would be left outside of the interval four times in five, were the figure and its spread what they seem.

    ``None`` where it stands so close to the bound that no number would do. Of too few cases the spread is not known: the number is that
    from which on there is an interval.
    """
    if found.low is None or found.high is None:
        return max(LEAST, found.n + 1)
    away, spread = abs(found.value - bound), doubt(found.low, found.high) * math.sqrt(found.n)
    if away <= 1e-9 or spread <= 0:
        return None
    count = math.ceil((_REACH * spread / away) ** 2)
    return None if count > _MOST else max(count, found.n + 1)


def detectable(found: Difference) -> float | None:
    """The smallest difference that a sample such as this one would show four times in five."""
    if found.low is None or found.high is None:
        return None
    return _REACH * doubt(found.low, found.high)


def _ratios(rows: Array) -> Array:
    return np.asarray(rows[:, 0] / rows[:, 1])


def _clustered(rows: Array) -> Array:
    """A row a cluster, with the sums of its cases: shape ``(clusters, 2)``."""
    names, places = np.unique(rows[:, 2], return_inverse=True)
    if len(names) == len(rows):
        return rows[:, :2]
    sums = np.zeros((len(names), 2))
    np.add.at(sums, places, rows[:, :2])
    return sums
