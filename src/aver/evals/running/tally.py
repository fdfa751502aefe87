"""How a run stands while it goes on: sums alone, so that it takes the same room for any number of cases."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from aver.evals.statistics.intervals import wilson
from aver.evals.types import Result

__all__ = ["Running", "Tally"]

_Z = 1.959964


@dataclass(slots=True)
class Running:
    """One measure so far: a ratio of two sums. Its interval is Wilson's for shares, else that of the ratio estimator by linearisation
    (Cochran, "Sampling Techniques", 1977, section 6.4); a glance at what comes, which the report replaces with its own."""

    n: int = 0
    above: float = 0.0
    below: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    weights: float = 0.0
    shares: bool = True
    """Whether all have been 0 or 1 of 1."""

    def add(self, above: float, below: float) -> None:
        self.n += 1
        self.above += above
        self.below += below
        self.squares += above * above
        self.products += above * below
        self.weights += below * below
        self.shares = self.shares and below == 1 and above in (0, 1)

    @property
    def value(self) -> float | None:
        return self.above / self.below if self.below else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """With 95 % confidence; ``None`` while nothing can be said."""
        value = self.value
        if value is None or self.n < 2:
            return None
        if self.shares:
            return wilson(value, self.n)
        spread = max(0.0, self.squares - 2 * value * self.products + value * value * self.weights)
        error = math.sqrt(self.n / (self.n - 1) * spread) / abs(self.below)
        return value - _Z * error, value + _Z * error


@dataclass(slots=True)
class Tally:
    """``total`` is how many results there will be; ``cached`` were responded before."""

    total: int
    done: int = 0
    cached: int = 0
    usd: float = 0.0
    tokens: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    measures: dict[str, Running] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        self.done += 1
        if result.error:
            self.errors[result.error] += 1
        for name, (above, below) in result.values.items():
            self.measures.setdefault(name, Running()).add(above, below)
