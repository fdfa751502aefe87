"""Conditions that a report must meet, as in ``ndcg@10>=0.7``.

A condition is judged by the interval, not by the figure alone: it passes when all of the interval meets it and fails when none of it
does. Anything between is inconclusive, and inconclusive is not a pass: more questions would tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.statistics.intervals import Interval

__all__ = ["Condition", "Judged", "judged", "parse_condition"]

Outcome = Literal["pass", "fail", "inconclusive"]
_CONDITION = re.compile(r"\s*([a-z_]+(?:@\d+)?)\s*(?:\[([^\]]+)\])?\s*>=\s*([\d.]+)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A measure of all questions, or of one ``slice``, is to be at least ``bound``."""

    text: str
    measure: str
    slice: str
    bound: float


@dataclass(frozen=True, slots=True)
class Judged:
    condition: str
    outcome: Outcome
    found: Interval


def parse_condition(text: str) -> Condition:
    """Of ``MEASURE>=NUMBER`` or ``MEASURE[SLICE]>=NUMBER``. Raises :class:`~aver.core.errors.InvalidInput`."""
    match = _CONDITION.fullmatch(text)
    try:
        bound = float(match[3]) if match else -1.0
    except ValueError:
        bound = -1.0
    if match is None or not 0 <= bound <= 1:
        raise InvalidInput(
            f"{text!r} is no condition",
            "Write one such as 'ndcg@10>=0.7' or 'recall@5[hr]>=0.8', with a number from 0 to 1.",
        )
    return Condition(text.strip(), match[1], (match[2] or "").strip(), bound)


def judged(
    condition: Condition, overall: Mapping[str, Interval], slices: Mapping[str, Mapping[str, Interval]]
) -> Judged:
    """Raises :class:`~aver.core.errors.InvalidInput` for a measure or a slice that the report does not have."""
    if condition.slice and condition.slice not in slices:
        raise InvalidInput(
            f"{condition.text!r}: no question has the tag {condition.slice!r}", nearest(condition.slice, slices)
        )
    measures = slices[condition.slice] if condition.slice else overall
    if condition.measure not in measures:
        raise InvalidInput(
            f"{condition.text!r}: the report has no {condition.measure!r}", nearest(condition.measure, measures)
        )
    found = measures[condition.measure]
    return Judged(condition.text, _outcome(found, condition.bound), found)


def _outcome(found: Interval, bound: float) -> Outcome:
    if found.low is not None and found.low >= bound:
        return "pass"
    return "fail" if found.high is not None and found.high < bound else "inconclusive"
