"""Whether a response gives the right number, near enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, rate
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Choice, Field, Number
from aver.gateway.config.words import record

__all__ = ["NUMERIC", "numbers"]

_NUMBER = re.compile(
    r"(?<![\w.,])[-+\u2212]?(?:\d{1,3}(?:[,\u00a0\u202f]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?%?(?![\w])"
)


@dataclass(frozen=True, slots=True)
class Numeric:
    absolute: float = 0.0
    relative: float = 1e-6
    which: str = "last"


def numbers(text: str) -> list[float]:
    """The numbers in a text, in order, with a point for decimals; ``12%`` is 12. Footnotes and citation marks count, so take those out."""
    found = []
    for match in _NUMBER.findall(text):
        plain = re.sub(r"[,\u00a0\u202f%]", "", match).replace("\u2212", "-")
        if any(char.isdigit() for char in plain):
            found.append(float(plain))
    return found


def _make(settings: Numeric, means: Means) -> Judge:
    del means

    def judge(case: Case, response: Response) -> Score:
        wanted = _plain(case.expected)
        if wanted is None:
            return NOTHING
        given = _plain(response.value)
        if given is None:
            found = numbers(re.sub(r"\[\d+\]", " ", response.text))
            near = [each for each in found if _near(each, wanted, settings)]
            if settings.which == "any":
                return {"numeric": rate(bool(near))}, "" if near else f"none of {len(found)} numbers is near {wanted:g}"
            given = None if not found else found[-1] if settings.which == "last" else found[0]
        if given is None:
            return {"numeric": rate(False)}, "gives no number"
        right = _near(given, wanted, settings)
        return {"numeric": rate(right)}, "" if right else f"{given:g} where {wanted:g} is expected"

    return judge


def _near(given: float, wanted: float, settings: Numeric) -> bool:
    return abs(given - wanted) <= max(settings.absolute, settings.relative * abs(wanted))


def _plain(value: Any) -> float | None:
    if isinstance(value, str):
        found = numbers(value)
        return found[0] if len(found) == 1 and len(value.strip()) < 40 else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


NUMERIC = Kind(
    "numeric",
    "the response gives the expected number, within a tolerance",
    ("numeric",),
    _make,
    record(
        Numeric,
        absolute=Field(Number(), "How far it may be away."),
        relative=Field(Number(), "How far it may be away, as a share of the expected number."),
        which=Field(Choice("number", ("first", "last", "any")), "Which number of a text counts."),
    ),
    Numeric(),
)
