"""Two streams of values between 0 and 1, one against the other, in blocks: how much can be won by betting that the second has the greater mean.

In a block of values of which ``share`` are the candidate's, each candidate's value v counts ``(1 - share) (v - d - c)`` and each baseline's ``-share (v - c)``, both over the
larger share, where c is foreseen from the blocks before. Were the candidate's mean greater than the baseline's by ``d`` at most, their sum would be at most 0 in the mean, whatever c is. For t no
less than -1 and a step s, ``exp(s t - t^2 (-log(1 - s) - s))`` is at most ``1 + s t`` (Fan, Grama and Liu, "Exponential inequalities for martingales with
applications", 2015), so that over a block the product of all is at most ``exp`` of s times that sum, 1, in the mean: a test supermartingale, at any number of
values, of any distribution and in any shares that do not follow from the values. It depends on the values through five sums alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aver.evals.statistics.intervals import Array

__all__ = ["Contrast", "Sums"]

BLOCK = 4
"""Values that each arm has at least in a block: few, since those of an open block are not counted; more than one, since each block costs one of its arms' values."""
_STEPS = np.geomspace(0.02, 0.95, 12)
_COSTS = -np.log1p(-_STEPS) - _STEPS
_CELLS = 64
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Sums:
    """Of an arm's values in the open block, less what was foreseen: how many, their sum, and that of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def after(self, values: Array, foreseen: float) -> Sums:
        apart = values - foreseen
        return Sums(self.n + len(values), self.total + float(apart.sum()), self.squares + float(np.square(apart).sum()))


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is kept. Of all closed blocks, for a difference d: what was counted comes to ``gain - d pairs``, its squares to
    ``square - 2 d cross + d^2 weight``. What is foreseen in the open block is ``centre - d lean``."""

    gain: float = 0.0
    pairs: float = 0.0
    square: float = 0.0
    cross: float = 0.0
    weight: float = 0.0
    centre: float = 0.5
    lean: float = 0.0
    counts: tuple[int, int] = (0, 0)
    """Values in closed blocks: the baseline's, the candidate's."""
    total: float = 0.0
    """The sum of all values in closed blocks."""
    baseline: Sums = field(default_factory=Sums)
    candidate: Sums = field(default_factory=Sums)

    @classmethod
    def restored(cls, written: Mapping[str, Any]) -> Contrast:
        arms = {name: Sums(**written[name]) for name in ("baseline", "candidate")}
        return cls(**{**written, "counts": tuple(written["counts"]), **arms})

    def after(self, baseline: Array, candidate: Array) -> Contrast:
        """With these values, which close the block when both arms have enough in it."""
        found = replace(
            self,
            baseline=self.baseline.after(baseline, self.centre),
            candidate=self.candidate.after(candidate, self.centre),
        )
        return _closed(found) if min(found.baseline.n, found.candidate.n) >= BLOCK else found

    def joined(self, other: Contrast) -> Contrast:
        """Of both streams together, such as of two replicas; the other's open block is left to it."""
        names = ("gain", "pairs", "square", "cross", "weight")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    def swapped(self) -> Contrast:
        """With the arms exchanged, as far as :meth:`least` reads it: a difference d here is -d there."""
        return replace(self, gain=-self.gain, cross=-self.cross)

    def least(self, estimate: float, error: float) -> float:
        """The least difference that is still possible, which is wrong with probability ``error`` at most; no more than ``estimate``."""
        low, high = -1.0, estimate
        for _ in range(_ROUNDS):
            differences = np.linspace(low, high, _CELLS)
            possible = np.flatnonzero(self._evidence(differences) < -math.log(error))
            at = int(possible[0]) if len(possible) else _CELLS - 1
            low, high = float(differences[max(at - 1, 0)]), float(differences[at])
        return low

    def evidence(self, difference: float) -> float:
        """The logarithm of what betting has made of 1 where the candidate is ahead by ``difference`` at most."""
        return float(self._evidence(np.array([difference]))[0])

    def _evidence(self, differences: Array) -> Array:
        """The logarithm of what betting has made of 1 where the candidate is ahead by each of ``differences`` at most."""
        most = 1 + np.abs(differences)  # the largest that any value can count
        gains = (self.gain - differences * self.pairs) / most
        squares = (self.square - 2 * differences * self.cross + np.square(differences) * self.weight) / np.square(most)
        logs = gains[:, None] * _STEPS - squares[:, None] * _COSTS
        top = logs.max(axis=1)
        return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)))


def _closed(open_: Contrast) -> Contrast:
    """With the open block among the closed ones."""
    old, new = open_.baseline, open_.candidate
    most = max(old.n, new.n)
    ours, theirs = old.n / most, new.n / most
    # With d, a candidate's value is d (1 - lean) further down, and a baseline's d lean further up.
    down, up = 1 - open_.lean, open_.lean
    counts = (open_.counts[0] + old.n, open_.counts[1] + new.n)
    total = open_.total + old.total + new.total + open_.centre * (old.n + new.n)
    return Contrast(
        gain=open_.gain + ours * new.total - theirs * old.total,
        pairs=open_.pairs + ours * new.n,
        square=open_.square + ours**2 * new.squares + theirs**2 * old.squares,
        cross=open_.cross + ours**2 * down * new.total - theirs**2 * up * old.total,
        weight=open_.weight + ours**2 * down**2 * new.n + theirs**2 * up**2 * old.n,
        centre=(0.5 + total) / (1 + sum(counts)),
        lean=counts[1] / (1 + sum(counts)),
        counts=counts,
        total=total,
    )
