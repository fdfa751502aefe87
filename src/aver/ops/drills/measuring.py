"""From what users saw and who was told to the figures of a drill: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import get_args

from aver.ops.drills.types import Sample, Told, Verdict

__all__ = ["by_time", "detected", "shares", "spared"]

_SLOT = 5.0
_LEAST = 5
"""Samples that show that users are spared."""
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def detected(told: Sequence[Told], rules: Sequence[str], since: float) -> float | None:
    """When the first alert that tells of the fault was told, at or after ``since``; ``None`` for none."""
    matching = [each.at for each in told if each.at >= since and any(fnmatchcase(each.rule, rule) for rule in rules)]
    return min(matching, default=None)


def spared(samples: Sequence[Sample], since: float, until: float, lasting: float) -> float | None:
    """From when on every request that was sent was answered well, up to ``until`` and for ``lasting`` seconds at least; ``None`` where that is not so yet.

    Requests that are still under way say nothing; those that nobody sent neither.
    """
    later = [each for each in samples if each.sent >= since]
    bad = [each.sent for each in later if not each.well]
    edge = max(bad, default=since)
    after = (
        sorted(each.sent for each in later if each.well and each.sent > edge)
        if bad
        else sorted(each.sent for each in later)
    )
    if len(after) < _LEAST or until - after[0] < lasting:
        return None
    return after[0] if bad else since


def shares(samples: Sequence[Sample], since: float) -> dict[str, float]:
    """Of the requests that were answered from ``since`` on, the part of each verdict."""
    counted = Counter(each.verdict for each in samples if each.answered >= since)
    total = sum(counted.values())
    return {each: round(counted[each] / total, 4) if total else 0.0 for each in _VERDICTS}


def by_time(samples: Sequence[Sample], since: float) -> tuple[Mapping[str, float], ...]:
    """How many of each verdict were answered, by five seconds from ``since`` on."""
    slots: dict[int, Counter[str]] = {}
    for each in samples:
        if each.answered >= since:
            slots.setdefault(int((each.answered - since) // _SLOT), Counter())[each.verdict] += 1
    return tuple(
        {"at": slot * _SLOT, **{each: count[each] for each in _VERDICTS if count[each]}}
        for slot, count in sorted(slots.items())
    )
