"""Two runs over the same questions: by how much a figure differs, and whether chance alone explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from aver.evals.statistics.intervals import CONFIDENCE, Array, Figure, area, enough, ratio, resamples, strata

__all__ = ["Difference", "Verdict", "difference", "verdicts"]

Verdict = Literal["better", "worse", "inconclusive"]
T = TypeVar("T")
_SWAPS = 5000
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Difference:
    """``value`` is the later figure less the earlier, over the ``n`` questions that both runs have it of; ``low`` and ``high`` are the
    percentiles of a bootstrap over pairs; ``p`` is the probability of a difference as large if the runs were alike."""

    before: float
    after: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    verdict: Verdict = "inconclusive"


def difference(before: Array, after: Array, figure: Figure = ratio, seed: int = 0) -> Difference:
    """Rows are the same questions in both, as in :func:`~aver.evals.statistics.intervals.interval`.

    ``p`` is of a two-sided randomisation test: were the runs alike, each question's two results might as well have come the other way
    about (Fisher; recommended for rankings by Smucker, Allan and Carterette, "A comparison of statistical significance tests for
    information retrieval evaluation", 2007). For an area the results exchanged are ranks within each run, so that two scales compare
    (Bandos, Rockette and Gur, "A permutation test sensitive to differences in areas", 2005). Too few pairs have neither interval nor ``p``.
    """
    n = len(before)
    if figure is area:
        before, after = _ranked(before), _ranked(after)
    every = np.ones((1, n))
    old, new = float(figure(every, before)[0]), float(figure(every, after)[0])
    if not (enough(before, figure) and enough(after, figure)):
        return Difference(old, new, new - old, None, None, None, n)
    samples = resamples(n, seed, strata(before, figure))
    drawn = np.concatenate([figure(weights, after) - figure(weights, before) for weights in samples])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(drawn, (tail, 1 - tail))
    p = _randomised(before, after, figure, new - old, seed)
    return Difference(old, new, new - old, float(low), float(high), p, n)


def verdicts(differences: Mapping[T, Difference]) -> dict[T, Verdict]:
    """Better or worse only where the interval leaves out no difference and ``p``, corrected by Holm for how many are looked at together
    ("A simple sequentially rejective multiple test procedure", 1979), is at most 5 %: of many figures some differ by luck."""
    tested = sorted((each.p, place) for place, each in enumerate(differences.values()) if each.p is not None)
    sure: set[int] = set()
    for rank, (p, place) in enumerate(tested):
        if p * (len(tested) - rank) > 1 - CONFIDENCE:
            break
        sure.add(place)
    return {name: _verdict(each, place in sure) for place, (name, each) in enumerate(differences.items())}


def _verdict(each: Difference, sure: bool) -> Verdict:
    if sure and each.low is not None and each.low > 0:
        return "better"
    return "worse" if sure and each.high is not None and each.high < 0 else "inconclusive"


def _randomised(before: Array, after: Array, figure: Figure, observed: float, seed: int) -> float:
    """The share of exchanges with a difference as large; the one observed counts as one of them."""
    n = len(before)
    both = np.concatenate((before, after))
    random = np.random.default_rng(seed)
    extreme = done = 0
    while done < _SWAPS:
        some = min(_SWAPS - done, max(1, (1 << 20) // n))
        kept = random.integers(0, 2, (some, n)).astype(float)
        found = figure(np.hstack((1 - kept, kept)), both) - figure(np.hstack((kept, 1 - kept)), both)
        extreme += int(np.count_nonzero(np.abs(found) >= abs(observed) - _ROUNDING))
        done += some
    return (1 + extreme) / (1 + _SWAPS)


def _ranked(columns: Array) -> Array:
    """Scores as their mean ranks; equal ones stay equal."""
    _, places, counts = np.unique(columns[:, 1], return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts - 1) / 2
    return np.column_stack((columns[:, 0], middles[places]))
