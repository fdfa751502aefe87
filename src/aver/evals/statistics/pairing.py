"""Two runs over the same questions: by how much a figure differs, and whether chance alone explains it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from aver.evals.statistics.clusters import Array, Places, influence, spread
from aver.evals.statistics.distributions import normal_cdf, student_quantile
from aver.evals.statistics.flips import flips, newcombe
from aver.evals.statistics.intervals import (
    CONFIDENCE,
    Figure,
    Method,
    area,
    bounded,
    enough,
    places_of,
    ratio,
    resamples,
    strata,
    wilson,
)
from aver.evals.statistics.multiplicity import holm

__all__ = ["Difference", "Verdict", "difference", "verdicts"]

Verdict = Literal["better", "worse", "inconclusive"]
T = TypeVar("T")
_SWAPS = 5000
_ROUNDING = 1e-12
_MANY = 2000
"""Questions, or clusters, from which the randomisation test is as good as its normal approximation."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``value`` is the later figure less the earlier, over the ``n`` questions that both runs have it of; ``low`` and ``high`` are its 95 %
    interval; ``p`` is the probability of a difference as large if the runs were alike. The other fields are as in
    :class:`~aver.evals.statistics.intervals.Interval`."""

    before: float
    after: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    verdict: Verdict = "inconclusive"
    method: Method = "too few"
    clusters: int | None = None
    effective: float | None = None


def difference(
    before: Array,
    after: Array,
    figure: Figure = ratio,
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Rows are the same questions in both, as in :func:`~aver.evals.statistics.intervals.interval`, and so are ``clusters``.

    ``p`` is of a two-sided randomisation test: were the runs alike, each question's two results, or each cluster's, might as well have come the
    other way about (Fisher; recommended for rankings by Smucker, Allan and Carterette, "A comparison of statistical significance tests for
    information retrieval evaluation", 2007); of yes-or-no questions it is McNemar's, taken as mid-p. For an area the results exchanged are
    ranks within each run, so that two scales compare (Bandos, Rockette and Gur, "A permutation test sensitive to differences in areas",
    2005). Intervals are Newcombe's of yes-or-no questions, Student's of other ratios, and the percentiles of a bootstrap over pairs of any other
    figure. Too few pairs have neither interval nor ``p``.
    """
    n = len(before)
    if figure is area:
        before, after = _ranked(before), _ranked(after)
    every = np.ones((1, n))
    old, new = float(figure(every, before)[0]), float(figure(every, after)[0])
    places = places_of(clusters)
    count = None if places is None else int(places.max()) + 1
    found = Difference(old, new, new - old, None, None, None, n, clusters=count)
    if not (enough(before, figure, places) and enough(after, figure, places)):
        return found
    if figure is not ratio:
        samples = resamples(n, seed, strata(before, figure), clusters=places)
        drawn = np.concatenate([figure(weights, after) - figure(weights, before) for weights in samples])
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(drawn, (tail, 1 - tail))
        p = _randomised(before, after, figure, new - old, seed, places)
        return replace(found, low=float(low), high=float(high), p=p, method="bootstrap")
    if places is None and _yes_or_no(before) and _yes_or_no(after):
        turned = flips(before[:, 0], after[:, 0])
        low, high = newcombe(turned, confidence)
        return replace(found, low=low, high=high, p=turned.mid_p, method="newcombe")
    return _ratios(before, after, found, seed, places, confidence)


def _ratios(
    before: Array, after: Array, found: Difference, seed: int, places: Places | None, confidence: float
) -> Difference:
    """With the interval of the difference between two ratios, by the influence of each pair on it."""
    (old, earlier), (new, later) = influence(before), influence(after)
    influences, shares = new - old, (earlier + later) / 2
    wide = spread(influences, shares, places)
    margin = student_quantile(0.5 + confidence / 2, wide.freedom) * wide.error
    if not margin and bounded(before) and bounded(after):
        # Nothing changed; that few things would have changed is all that it tells.
        margin = wilson(0, wide.clusters, confidence)[1]
    if wide.clusters > _MANY:
        parts = influences + shares * found.value
        totals = parts if places is None else np.bincount(places, parts)
        scale = float(np.square(totals).sum()) ** 0.5
        p = 2 * normal_cdf(-abs(found.value) / scale) if scale else 1.0
    else:
        p = _randomised(before, after, ratio, found.value, seed, places)
    effective = None if places is None else round(wide.effective, 1)
    low, high = found.value - margin, found.value + margin
    if bounded(before) and bounded(after):
        low, high = max(low, -1.0), min(high, 1.0)
    return replace(found, low=low, high=high, p=p, method="student", effective=effective)


def _yes_or_no(columns: Array) -> bool:
    return bool((columns[:, 1] == 1).all() and np.isin(columns[:, 0], (0.0, 1.0)).all())


def verdicts(differences: Mapping[T, Difference]) -> dict[T, Verdict]:
    """Better or worse only where the interval leaves out no difference and ``p``, corrected by Holm for how many are looked at together
    ("A simple sequentially rejective multiple test procedure", 1979), is at most 5 %: of many figures some differ by luck."""
    tested = {name: each.p for name, each in differences.items() if each.p is not None}
    sure = {name for name, p in holm(tested).items() if p <= 1 - CONFIDENCE + _ROUNDING}
    return {name: _verdict(each, name in sure) for name, each in differences.items()}


def _verdict(each: Difference, sure: bool) -> Verdict:
    if sure and each.low is not None and each.low > 0:
        return "better"
    return "worse" if sure and each.high is not None and each.high < 0 else "inconclusive"


def _randomised(
    before: Array, after: Array, figure: Figure, observed: float, seed: int, places: Places | None
) -> float:
    """The share of exchanges with a difference as large; the one observed counts as one of them."""
    n = len(before)
    units = n if places is None else int(places.max()) + 1
    both = np.concatenate((before, after))
    # Where the parts below are the same in both runs an exchange turns the sign of a pair's, or a cluster's, difference.
    changes = after[:, 0] - before[:, 0] if figure is ratio and (before[:, 1] == after[:, 1]).all() else None
    if changes is not None:
        changes = (changes if places is None else np.bincount(places, changes)) / before[:, 1].sum()
    random = np.random.default_rng(seed)
    extreme = done = 0
    while done < _SWAPS:
        some = min(_SWAPS - done, max(1, (1 << 20) // n))
        kept = random.integers(0, 2, (some, units)).astype(float)
        if changes is not None:
            found = (2 * kept - 1) @ changes
        else:
            kept = kept if places is None else kept[:, places]
            found = figure(np.hstack((1 - kept, kept)), both) - figure(np.hstack((kept, 1 - kept)), both)
        extreme += int(np.count_nonzero(np.abs(found) >= abs(observed) - _ROUNDING))
        done += some
    return (1 + extreme) / (1 + _SWAPS)


def _ranked(columns: Array) -> Array:
    """Scores as their mean ranks; equal ones stay equal."""
    _, places, counts = np.unique(columns[:, 1], return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts - 1) / 2
    return np.column_stack((columns[:, 0], middles[places]))
