"""Sums that add up: over turns, minutes, series and replicas. Everything that is measured is one, so that any period is the sum of its parts.

A sum is a mapping from names to numbers. Values that thresholds are put to (milliseconds, nano-dollars, seconds of lag) are counted by buckets whose bounds
are powers of 2^(1/16): ``latency_ms~160`` counts those from 2^10 to 2^(161/16), so a share above a threshold is off by a part of one bucket, which is 4.4 % wide
(the idea is that of DDSketch, Masson, Rim and Lee, VLDB 2019). Of values whose level is watched the sum of logarithms and of their squares is kept as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

__all__ = ["Sums", "add", "count_value", "level", "levels", "over", "quantile", "total", "values"]

Sums = dict[str, float]

_STEPS = 16
"""Buckets in which a value doubles."""
_ZERO = -10_000
"""The bucket of what is nothing, or less."""


def add(into: Sums, more: Mapping[str, float]) -> Sums:
    """``into`` itself, with ``more`` added."""
    for name, value in more.items():
        into[name] = into.get(name, 0) + value
    return into


def count_value(into: Sums, name: str, value: float) -> None:
    """Count a value among those of ``name`` that thresholds are put to."""
    place = math.floor(math.log2(value) * _STEPS) if value > 0 else _ZERO
    key = f"{name}~{place}"
    into[key] = into.get(key, 0) + 1


def level(into: Sums, name: str, value: float) -> None:
    """Count a value above zero among those of ``name`` whose level is watched."""
    if value > 0:
        log = math.log(value)
        add(into, {f"{name}.n": 1, f"{name}.log": log, f"{name}.log2": log * log})


def levels(sums: Mapping[str, float], name: str) -> tuple[float, float, float]:
    """How many values there were, and the mean and the standard deviation of their logarithms."""
    n = sums.get(f"{name}.n", 0)
    if n < 1:
        return 0, 0.0, 0.0
    mean = sums[f"{name}.log"] / n
    return n, mean, math.sqrt(max(sums[f"{name}.log2"] / n - mean * mean, 0.0))


def values(sums: Mapping[str, float], name: str) -> list[tuple[int, float]]:
    """The buckets of ``name`` with their counts, in order."""
    prefix = f"{name}~"
    return sorted((int(key[len(prefix) :]), count) for key, count in sums.items() if key.startswith(prefix))


def over(sums: Mapping[str, float], name: str, threshold: float) -> tuple[float, float]:
    """How many values of ``name`` were above ``threshold``, and how many there were. Within the bucket of the threshold they are taken to be spread evenly."""
    edge = math.log2(threshold) * _STEPS
    above = total = 0.0
    for place, count in values(sums, name):
        total += count
        above += count * min(max(place + 1 - edge, 0.0), 1.0)
    return above, total


def quantile(sums: Mapping[str, float], name: str, share: float) -> float | None:
    """The value of ``name`` that ``share`` of them do not exceed, to 4.4 %; ``None`` for none."""
    counted = values(sums, name)
    left = share * sum(count for _, count in counted)
    for place, count in counted:
        left -= count
        if left <= 1e-9:
            return 0.0 if place == _ZERO else float(2 ** ((place + 1) / _STEPS))
    return None


def total(several: Iterable[Mapping[str, float]]) -> Sums:
    """All of them together."""
    found: Sums = {}
    for each in several:
        add(found, each)
    return found
