"""What a gate requires, as it is declared and as it is typed.

In ``aver.yaml``, under ``evals``::

    gate:
      - {suite: handbook, measure: right_of_answered, at_least: 0.8}
      - {suite: handbook, measure: groundedness, no_worse_by: 0.03, slice: "*"}
      - {suite: handbook, measure: cost_usd, no_more_than: 1.1x}

On the command line: ``right_of_answered>=0.8``, ``groundedness[*]>=baseline-0.03``, ``cost_usd<=1.1x``.
"""

from __future__ import annotations

import re
from typing import Any

from aver.core.errors import InvalidInput
from aver.core.yaml import YamlValue
from aver.evals.gates.types import Condition, fewer_is_better, unbounded
from aver.gateway.config.shapes import Field, ListOf, Number, Record, Schema, Text, Whole
from aver.gateway.config.words import NAME, SHARE, parts

__all__ = ["CONDITION", "GATE", "parse_condition"]

_BOUNDS = ("at_least", "at_most", "no_worse_by", "no_more_than")
_CONDITION = re.compile(
    r"\s*(?:(?P<suite>[^\s:\[\]<>=]+):)?(?P<measure>[A-Za-z][\w.-]*(?:@\d+)?)\s*(?:\[(?P<slice>[^\]]+)\])?\s*"
    r"(?P<sign>>=|<=)\s*(?:baseline\s*(?P<way>[-+])\s*)?(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<times>x?)\s*"
)
_MEASURE = Text(r"^[A-Za-z][\w.-]*(@\d+)?$", "a measure, such as ndcg@10")
_AMOUNT = Number(0, 1e12)


class _Factor:
    """``1.1x``: so many times the baseline's."""

    _text = Text(r"^\d+(\.\d+)?x$", "a factor such as 1.1x", "Write how many times the baseline's it may be, then x.")

    def read(self, value: YamlValue) -> float:
        factor = float(self._text.read(value)[:-1])
        if not 0 < factor <= 1000:
            raise value.error("expected a factor above 0 and to 1000", "Correct this line.")
        return factor

    def write(self, value: float) -> str:
        return f"{value:g}x"

    def schema(self) -> Schema:
        return {"type": "string", "pattern": self._text.pattern}


_RECORD = Record(
    Condition,
    {
        "suite": Field(NAME, "The suite whose run is judged; every one that is, if left out."),
        "measure": Field(_MEASURE, "What is measured.", required=True),
        "slice": Field(NAME, 'Only the cases with this tag; "*" for each tag by itself.'),
        "at_least": Field(_AMOUNT, "All of the interval is to be here or above."),
        "at_most": Field(_AMOUNT, "All of the interval is to be here or below."),
        "no_worse_by": Field(_AMOUNT, "How much worse than the baseline it may be, in its own unit."),
        "no_more_than": Field(_Factor(), "How many times the baseline's it may be; for money, time and tokens."),
        "least_cases": Field(Whole(1), "With fewer cases it is inconclusive."),
        "errors_at_most": Field(SHARE, "The share of asks that may end with an error."),
    },
    parts,
)


class _Condition:
    """A condition, whose bounds fit its measure and each other."""

    def read(self, value: YamlValue) -> Condition:
        condition: Condition = _RECORD.read(value)
        if problem := _problem(condition):
            raise value.error(*problem)
        return condition

    def write(self, value: Condition) -> dict[str, Any]:
        return _RECORD.write(value)

    def schema(self) -> Schema:
        return {**_RECORD.schema(), "oneOf": [{"required": [name]} for name in _BOUNDS]}


CONDITION = _Condition()
GATE = ListOf(CONDITION)
"""The section: what has to hold before a release is let through."""


def parse_condition(text: str) -> Condition:
    """Of ``[SUITE:]MEASURE[SLICE]>=NUMBER``; with ``<=``, ``baseline-NUMBER``, ``baseline+NUMBER`` or ``NUMBERx`` in place of the number.

    Raises :class:`~aver.core.errors.InvalidInput`.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"{text[:80]!r} is no condition",
            "Write one such as 'ndcg@10>=0.7', 'recall@5[hr]>=0.8', 'groundedness>=baseline-0.03' or 'cost_usd<=1.1x'.",
        )
    measure, number, upward = match["measure"], float(match["number"]), match["sign"] == ">="
    given: dict[str, Any] = {"measure": measure, "suite": match["suite"] or "", "slice": (match["slice"] or "").strip()}
    if match["way"]:
        if match["times"] or (match["way"] == "-") != upward or upward == fewer_is_better(measure):
            wanted = "<=baseline+NUMBER" if fewer_is_better(measure) else ">=baseline-NUMBER"
            raise InvalidInput(f"{text[:80]!r} is no condition", f"Write {measure}{wanted}.")
        given["no_worse_by"] = number
    elif match["times"]:
        if upward:
            raise InvalidInput(f"{text[:80]!r} is no condition", f"Write {measure}<={number:g}x.")
        given["no_more_than"] = number
    else:
        given["at_least" if upward else "at_most"] = number
    condition = Condition(**given)
    if problem := _problem(condition):
        raise InvalidInput(f"{text[:80]!r}: {problem[0]}", problem[1])
    return condition


def _problem(condition: Condition) -> tuple[str, str] | None:
    """What is wrong with it, and what to do; nothing where it makes sense."""
    given = [name for name in _BOUNDS if getattr(condition, name) is not None]
    if len(given) != 1:
        several = f"{given[0]} and {given[1]} in one condition" if given else "the condition has no bound"
        return several, f"Give one of {', '.join(_BOUNDS)}."
    if condition.no_more_than is not None and not unbounded(condition.measure):
        return f"{condition.measure!r} is not compared by a factor", "Use no_worse_by: how many points it may lose."
    if condition.no_more_than == 0:
        return "a factor of 0 cannot be kept to", "Write how many times the baseline's it may be."
    if not unbounded(condition.measure) and condition.no_more_than is None and abs(condition.bound) > 1:
        return f"{condition.measure!r} lies between 0 and 1", "Write a number from 0 to 1."
    return None
