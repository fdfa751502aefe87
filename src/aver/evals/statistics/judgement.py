"""Whether a figure meets a bound, as far as is known of it: pass, fail, or inconclusive, with how many questions would tell.

It passes when all of its interval meets the bound and fails when none of it does. A figure that is exactly at its bound is thus found to be off it in 5 of 100
runs: in 2.5 it passes, in 2.5 it fails. Anything between is inconclusive, and inconclusive is not a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from aver.evals.statistics.distributions import normal_quantile
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Interval
from aver.evals.statistics.power import Design, needed

__all__ = ["Judgement", "Outcome", "judged", "telling"]

Outcome = Literal["pass", "fail", "inconclusive"]
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Judgement:
    """``interval`` is of the figure, or of the difference that was judged. ``needed`` is how many questions of the same kind would be enough in 8 of 10
    runs, where the outcome is inconclusive; nothing where no number would do, or none can be told."""

    outcome: Outcome
    interval: Interval
    needed: int | None = None


def judged(found: Interval, bound: float, *, less_is_better: bool = False) -> Judgement:
    """What an interval says of a bound. Against a baseline the bound is a margin below no difference (Piaggio, Elbourne, Pocock, Evans and Altman, "Reporting
    of noninferiority and equivalence randomized trials", 2012)."""
    if found.low is None or found.high is None:
        return Judgement("inconclusive", found, telling(found, bound))
    low, high = (-found.high, -found.low) if less_is_better else (found.low, found.high)
    least = -bound if less_is_better else bound
    if low >= least - _ROUNDING:
        return Judgement("pass", found)
    if high < least - _ROUNDING:
        return Judgement("fail", found)
    return Judgement("inconclusive", found, telling(found, bound))


def telling(found: Interval, bound: float) -> int | None:
    """How many questions would be enough in 8 of 10 runs to leave ``bound`` outside of such an interval, were the figure and its spread what they seem; nothing
    where it stands so close that no number would do."""
    if found.low is None or found.high is None:
        return LEAST if found.n < LEAST else None
    deviation = (found.high - found.low) / (2 * normal_quantile(0.5 + CONFIDENCE / 2)) * math.sqrt(found.n)
    wanted = needed(found.value - bound, Design(deviation))
    return None if wanted is None else max(wanted, found.n + 1)
