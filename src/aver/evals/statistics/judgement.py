"""Whether a figure meets a bound, as far as is known of it: pass, fail, or inconclusive, with how many questions would tell.

It passes when all of its interval meets the bound and fails when none of it does. A figure that is exactly at its bound is thus found to be off it in 5 of 100
runs: in 2.5 it passes, in 2.5 it fails. Anything between is inconclusive, and inconclusive is not a pass.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from aver.core.errors import InvalidInput
from aver.evals.statistics.clusters import Array
from aver.evals.statistics.distributions import normal_quantile
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Figure, Interval, interval, ratio
from aver.evals.statistics.pairing import difference
from aver.evals.statistics.power import Design, needed

__all__ = ["Judgement", "Outcome", "at_least", "at_most", "judged", "noninferior"]

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """``interval`` is of the figure, or of the difference that was judged. ``needed`` is how many questions of the same kind would be enough in 8 of 10
    runs, where the outcome is inconclusive; nothing where no number would do, or none can be told."""

    outcome: Outcome
    interval: Interval
    needed: int | None = None


def at_least(
    columns: Array,
    bound: float,
    clusters: Sequence[Hashable] | None = None,
    figure: Figure = ratio,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Whether ``figure`` is ``bound`` or more. ``needed`` supposes that it is what was found."""
    found = interval(columns, figure, seed, clusters, confidence)
    return judged(found, bound, assumed=found.value)


def at_most(
    columns: Array,
    bound: float,
    clusters: Sequence[Hashable] | None = None,
    figure: Figure = ratio,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Judgement:
    """Whether ``figure`` is ``bound`` or less: for a cost, a latency, an attack's success."""
    found = interval(columns, figure, seed, clusters, confidence)
    return judged(found, bound, assumed=found.value, less_is_better=True)


def noninferior(
    before: Array,
    after: Array,
    margin: float,
    clusters: Sequence[Hashable] | None = None,
    figure: Figure = ratio,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    *,
    less_is_better: bool = False,
) -> Judgement:
    """Whether the later run is worse than the earlier by less than ``margin``, in the unit of the figure (Piaggio, Elbourne, Pocock, Evans and Altman,
    "Reporting of noninferiority and equivalence randomized trials", 2012). Rows are the same questions in both. ``needed`` supposes that there is no
    difference. Raises :class:`~aver.core.errors.InvalidInput` for a margin that is not above 0: no number of questions shows that nothing is
    lost at all."""
    if not margin > 0:
        raise InvalidInput(f"A margin of {margin:g} cannot be shown to be kept", "Say by how much it may be worse.")
    found = difference(before, after, figure, seed, clusters, confidence)
    of = Interval(found.value, found.low, found.high, found.n, found.method, found.clusters, found.effective)
    return judged(of, margin if less_is_better else -margin, assumed=0.0, less_is_better=less_is_better)


def judged(found: Interval, bound: float, assumed: float, *, less_is_better: bool = False) -> Judgement:
    """What an interval says of a bound. ``needed`` supposes that the figure is ``assumed``, and as uncertain for its number of questions."""
    if found.low is None or found.high is None:
        return Judgement("inconclusive", found, LEAST if found.n < LEAST else None)
    low, high = (-found.high, -found.low) if less_is_better else (found.low, found.high)
    least = -bound if less_is_better else bound
    if low >= least:
        return Judgement("pass", found)
    if high < least:
        return Judgement("fail", found)
    deviation = (high - low) / (2 * normal_quantile(0.5 + CONFIDENCE / 2)) * math.sqrt(found.n)
    wanted = needed(assumed - bound, Design(deviation))
    return Judgement("inconclusive", found, None if wanted is None else max(wanted, found.n + 1))
