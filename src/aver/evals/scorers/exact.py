"""Whether a response is the reference, letter for letter or all but for form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, rate, references
from aver.evals.scorers.normalising import squad
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Boolean, Field
from aver.gateway.config.words import record

__all__ = ["EXACT"]


@dataclass(frozen=True, slots=True)
class Exact:
    normalised: bool = False


def _make(settings: Exact, means: Means) -> Judge:
    del means
    form = squad if settings.normalised else str.strip

    def judge(case: Case, response: Response) -> Score:
        texts = references(case)
        if texts:
            return {"exact": rate(form(response.text) in {form(each) for each in texts})}, ""
        if case.expected is None:
            return NOTHING
        return {"exact": rate(_alike(case.expected, _value(response)))}, ""

    return judge


def _value(response: Response) -> Any:
    if response.value is not None:
        return response.value
    try:
        return json.loads(response.text)
    except ValueError:
        return response.text


def _alike(one: Any, other: Any) -> bool:
    """Equal as JSON: true is no 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) or (
        _number(one) and _number(other) and one == other
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


EXACT = Kind(
    "exact",
    "the response is the reference, or one of them",
    ("exact",),
    _make,
    record(
        Exact,
        normalised=Field(
            Boolean(), "Compare without case, punctuation, articles and extra white space, as SQuAD does."
        ),
    ),
    Exact(),
)
