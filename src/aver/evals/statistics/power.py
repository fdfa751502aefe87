"""How many questions it takes to see a difference, and how small a difference so many questions show; to be said before a run, not after it.

Cohen, "Statistical power analysis for the behavioral sciences" (1988); for questions in clusters Kish's design effect ("Survey sampling", 1965), with
sizes that differ as in Eldridge, Ashby and Kerry, "Sample size for cluster randomized trials: effect of coefficient of variation of cluster size" (2006).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from aver.evals.statistics.clusters import Array, influence, spread
from aver.evals.statistics.distributions import normal_cdf, student_quantile
from aver.evals.statistics.intervals import CONFIDENCE, places_of

__all__ = ["POWER", "Design", "detectable", "needed", "power"]

POWER = 0.8
"""How often a difference that is there is to be seen."""
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Design:
    """What is measured of a question, and how it varies: ``deviation`` is its standard deviation, of a paired comparison that of the difference of
    a question's two results. ``size`` is the mean number of questions in a cluster, ``variation`` the sizes' coefficient of
    variation, ``correlation`` the intraclass correlation."""

    deviation: float
    size: float = 1.0
    variation: float = 0.0
    correlation: float = 0.0

    @classmethod
    def share(cls, expected: float = 0.5) -> Design:
        """A share of questions that is about ``expected``; one half varies most."""
        return cls(math.sqrt(expected * (1 - expected)))

    @classmethod
    def flips(cls, turned: float) -> Design:
        """A paired comparison of yes-or-no questions of which the share ``turned`` come out otherwise, either way."""
        return cls(math.sqrt(turned))

    @classmethod
    def paired(cls, deviation: float, correlation: float) -> Design:
        """A paired comparison of results that vary by ``deviation`` in either run, and correlate between the runs."""
        return cls(deviation * math.sqrt(2 * (1 - correlation)))

    @classmethod
    def of(cls, columns: Array, clusters: Sequence[Hashable] | None = None) -> Design:
        """As observed of at least two questions of an earlier run, what their clusters cost included."""
        return cls(spread(*influence(columns), places_of(clusters)).error * math.sqrt(len(columns)))

    @classmethod
    def between(cls, before: Array, after: Array, clusters: Sequence[Hashable] | None = None) -> Design:
        """As observed of two earlier runs of the same questions."""
        (old, earlier), (new, later) = influence(before), influence(after)
        found = spread(new - old, (earlier + later) / 2, places_of(clusters))
        return cls(found.error * math.sqrt(len(before)))

    def clustered(self, size: float, correlation: float, variation: float = 0.0) -> Design:
        return replace(self, size=size, correlation=correlation, variation=variation)

    def repeated(self, times: int, within: float) -> Design:
        """Each question asked ``times``, where ``within`` of its variance, from 0 to 1, is between repeats of one question: the rest does not
        shrink however often it is asked."""
        return replace(self, deviation=self.deviation * math.sqrt(1 - within + within / times))

    @property
    def effect(self) -> float:
        """The design effect: how many questions of these clusters tell as much as one that stands alone."""
        return max(1.0, 1 + ((1 + self.variation**2) * self.size - 1) * self.correlation)

    def error(self, n: float) -> float:
        """The standard error of the mean of ``n`` questions."""
        return self.deviation * math.sqrt(self.effect / n)

    def freedom(self, n: float) -> float:
        return max(1.0, n / self.size - 1)


def detectable(n: int, design: Design, of: float = POWER, confidence: float = CONFIDENCE) -> float:
    """The least difference that ``n`` questions show with the chance ``of``, with intervals of this confidence."""
    freedom = design.freedom(n)
    reach = student_quantile(0.5 + confidence / 2, freedom) + student_quantile(of, freedom)
    return reach * design.error(n)


def needed(effect: float, design: Design, of: float = POWER, confidence: float = CONFIDENCE) -> int | None:
    """The least number of questions that show a difference of ``effect`` with the chance ``of``; nothing where a thousand million would not."""
    low, high = 2, 4
    if not effect:
        return None
    while detectable(high, design, of, confidence) > abs(effect):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if detectable(middle, design, of, confidence) > abs(effect) else (low, middle)
    return low


def power(n: int, effect: float, design: Design, confidence: float = CONFIDENCE) -> float:
    """The chance that ``n`` questions show a difference of ``effect``."""
    critical = student_quantile(0.5 + confidence / 2, design.freedom(n))
    error = design.error(n)
    if not error:
        return float(bool(effect))
    # Student's critical value against a normal estimate, narrowed as a variance estimated is (Johnson and Welch, 1940).
    scale = math.sqrt(1 + critical * critical / (2 * design.freedom(n)))
    shift = abs(effect) / error
    return normal_cdf((shift - critical) / scale) + normal_cdf((-shift - critical) / scale)
