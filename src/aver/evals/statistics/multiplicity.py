"""Many questions asked of the same data: some are answered by luck, and p-values are corrected for how many were asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

__all__ = ["benjamini_hochberg", "holm"]

T = TypeVar("T")


def holm(values: Mapping[T, float]) -> dict[T, float]:
    """Corrected so that with those up to 5 %, the chance that any of them is wrong is 5 % at most, however they depend on each other (Holm, "A
    simple sequentially rejective multiple test procedure", 1979). For what is decided on each by itself."""
    found: dict[T, float] = {}
    worst = 0.0
    for rank, name in enumerate(sorted(values, key=lambda each: values[each])):
        worst = max(worst, min(1.0, values[name] * (len(values) - rank)))
        found[name] = worst
    return {name: found[name] for name in values}


def benjamini_hochberg(values: Mapping[T, float]) -> dict[T, float]:
    """Corrected so that of those up to 5 %, 5 % are wrong in the mean (Benjamini and Hochberg, "Controlling the false discovery rate", 1995), when they
    are independent or go together. For lists of what is worth a look."""
    found: dict[T, float] = {}
    least = 1.0
    ranked = sorted(values, key=lambda each: values[each])
    for rank, name in reversed(list(enumerate(ranked, start=1))):
        least = min(least, values[name] * len(values) / rank)
        found[name] = least
    return {name: found[name] for name in values}
