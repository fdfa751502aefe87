"""What a gate judges, with how sure it is: a figure, its change against a baseline, or the factor between the two.

The unit that chance draws is the cluster: cases of one are taken together, and so are the repeats of a case.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from aver.evals.gates.types import unbounded
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Array, Interval, interval, ratio
from aver.evals.statistics.pairing import Difference, difference
from aver.evals.statistics.power import Design
from aver.evals.statistics.power import detectable as least_detectable
from aver.evals.statistics.sequential import anytime

__all__ = ["change", "detectable", "doubt", "factor", "figure", "tail"]

_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


def figure(rows: Array, measure: str, *, peeked: bool = False) -> Interval:
    """A ratio of sums. ``rows``, shape ``(n, 3)``, as :func:`~aver.evals.gates.sheet.columns` gives them, at least one. ``peeked``: how many there are follows
    from what was found of them, as of a run that was left early.

    An amount that is the same for all (a cost of nothing) is that amount: it is no share, of which Wilson's interval would leave some room.
    """
    if peeked:
        return anytime(rows[:, :2])
    found, each = _interval(rows), _ratios(rows)
    if unbounded(measure) and bool((each == each[0]).all()):
        known = found.value if found.n >= LEAST else None
        return replace(found, low=known, high=known, method="too few" if known is None else "student")
    return found


def change(before: Array, after: Array) -> Difference:
    """``after`` less ``before``, whose rows are the same cases."""
    return difference(before[:, :2], after[:, :2], ratio, clusters=after[:, 2].tolist())


def factor(before: Array, after: Array) -> Interval:
    """The sum of ``after`` over that of ``before``, case by case: how many times as much."""
    return _interval(np.column_stack((_ratios(after), _ratios(before), after[:, 2])))


def doubt(low: float, high: float) -> float:
    """The standard error that an interval stands for."""
    return (high - low) / (2 * _Z)


def tail(value: float, edge: float, bound: float) -> float:
    """The chance of a figure as far beyond ``bound`` as ``value`` is, were it at the bound: normal, with the spread that put ``edge``, the
    end of the interval that faces the bound, where it is. At the edge itself it is 2.5 %."""
    if math.isclose(value, edge, abs_tol=1e-12):
        return 1.0 if math.isclose(value, bound, abs_tol=1e-12) else 0.0
    return 1 - NormalDist().cdf(_Z * abs(bound - value) / abs(edge - value))


def detectable(found: Difference) -> float | None:
    """The smallest difference that a sample such as this one would show four times in five."""
    if found.low is None or found.high is None:
        return None
    return least_detectable(found.n, Design(doubt(found.low, found.high) * math.sqrt(found.n)))


def _interval(rows: Array) -> Interval:
    return interval(rows[:, :2], ratio, clusters=rows[:, 2].tolist())


def _ratios(rows: Array) -> Array:
    return np.asarray(rows[:, 0] / rows[:, 1])
