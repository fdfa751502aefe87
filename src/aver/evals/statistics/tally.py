"""What is kept of a stream of values, however long it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aver.core.errors import InvalidInput

__all__ = ["Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Four numbers of a stream, which can be written down, and joined with those of another replica of the same stream.

    Means and squares are kept as by Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983), so that no digits are lost
    to large values.
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """The sum of squared distances from the mean."""
    surprise: float = 0.0
    """The sum of squared distances of each value from the mean of those before it, the first from a guess: what was not foreseen of them."""

    @property
    def variance(self) -> float:
        """Of the values, estimated from them; 0 for fewer than two."""
        return self.squares / (self.n - 1) if self.n > 1 else 0.0

    def joined(self, other: Tally) -> Tally:
        """Of both streams together."""
        n = self.n + other.n
        if not n:
            return self
        apart = other.mean - self.mean
        return Tally(
            n,
            self.mean + apart * other.n / n,
            self.squares + other.squares + apart * apart * self.n * other.n / n,
            self.surprise + other.surprise,
        )

    def after(self, values: Iterable[float], guess: float = 0.0) -> Tally:
        """With these values after those that it has. ``guess`` counts as one value before the first where surprise is reckoned.

        Raises :class:`~aver.core.errors.InvalidInput` for what is no finite number; nothing is counted then.
        """
        new = np.fromiter(values, float)
        if not np.isfinite(new).all():
            raise InvalidInput("A value is not a finite number", "Leave out what has no value; count it apart.")
        if not len(new):
            return self
        seen = self.n + np.arange(len(new))
        before = self.mean * self.n + np.concatenate(([0.0], np.cumsum(new)[:-1]))
        surprise = float(np.square(new - (guess + before) / (seen + 1)).sum())
        mean = float(new.mean())
        return self.joined(Tally(len(new), mean, float(np.square(new - mean).sum()), surprise))
