"""Figures of the scorecard in words: the same on the command line, on the page, in a file and on paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import get_args

from aver.ops.scorecard.types import Figure, Kpi, Measured, Standing, Trend, Unit

__all__ = [
    "METHODS",
    "STANDINGS",
    "TRENDS",
    "Tally",
    "amount",
    "between",
    "bound",
    "certain",
    "changed",
    "of",
    "sampled",
    "short",
    "tally",
]

TRENDS: Mapping[Trend, str] = {"better": "better", "worse": "worse", "steady": "no clear change", "unknown": "-"}
STANDINGS: tuple[Standing, ...] = ("met", "missed", "undecided", "no target", "no data")
METHODS: Mapping[str, str] = {
    "wilson": "95 % interval of a proportion (Wilson)",
    "student": "95 % interval of a mean (Student)",
    "order": "95 % interval of a quantile (order statistics)",
    "counted": "counted whole, so chance has no part in it",
    "too few": "too few for an interval",
}
Tally = Mapping[Standing, int]
_MINUTE, _HOUR = 60.0, 3600.0


def amount(value: float | None, kpi: Kpi) -> str:
    """A value in its unit, as short as it says something; ``-`` for none."""
    return f"{short(value, kpi)}{'' if value is None else of(kpi)}"


def short(value: float | None, kpi: Kpi) -> str:
    """As :func:`amount`, without :func:`of`."""
    return "-" if value is None else _SAID[kpi.unit](value)


def of(kpi: Kpi) -> str:
    """What a value is for each of, where its unit says so."""
    return _OF.get(kpi.unit, "")


def between(figure: Figure) -> str:
    """Its interval, or why there is none."""
    found = figure.found
    if not isinstance(found, Measured):
        return "-"
    if found.low is None or found.high is None:
        return found.method
    return f"{short(found.low, figure.kpi)} to {short(found.high, figure.kpi)}"


def bound(figure: Figure) -> str:
    """What is asked of it."""
    if figure.target is None:
        return "no target"
    return f"at {'least' if figure.kpi.better == 'more' else 'most'} {short(figure.target, figure.kpi)}"


def changed(figure: Figure) -> str:
    """By how much it changed since the period before, with its sign; empty where there is nothing to hold it against."""
    if figure.change is None:
        return ""
    sign = "+" if figure.change > 0 else "\N{MINUS SIGN}" if figure.change < 0 else "\N{PLUS-MINUS SIGN}"
    size = abs(figure.change)
    if figure.kpi.unit == "share":
        return f"{sign}{_digits(size * 100)} points"
    return f"{sign}{short(size, figure.kpi)}"


def sampled(figure: Figure) -> str:
    """How many it is of."""
    return f"{figure.found.n:,.0f}" if isinstance(figure.found, Measured) else "-"


def certain(figure: Figure) -> str:
    """How sure it is, and of how many, in a line."""
    found = figure.found
    if not isinstance(found, Measured):
        return ""
    if found.method == "counted":
        return found.note or "counted whole"
    few = found.low is None
    return f"too few for an interval: {sampled(figure)}" if few else f"{between(figure)}, of {sampled(figure)}"


def tally(figures: tuple[Figure, ...]) -> Tally:
    """How many stand how."""
    return {each: sum(figure.standing == each for figure in figures) for each in STANDINGS}


def _digits(value: float) -> str:
    """Three that matter, and no more than needed."""
    if value == 0:
        return "0"
    places = max(2 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{min(places, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _share(value: float) -> str:
    return f"{_digits(value * 100)} %"


def _dollars(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${_digits(value)}"


def _seconds(value: float) -> str:
    if value >= 2 * _HOUR:
        return f"{_digits(value / _HOUR)} h"
    return f"{_digits(value / _MINUTE)} min" if value >= 2 * _MINUTE else f"{_digits(value)} s"


def _days(value: float) -> str:
    return f"{_digits(value)} day{'' if value == 1 else 's'}"


_OF: Mapping[Unit, str] = {"tasks": " per million tokens", "per 1,000 answers": " per 1,000 answers"}
_SAID: Mapping[Unit, Callable[[float], str]] = {
    "share": _share,
    "USD": _dollars,
    "tasks": _digits,
    "seconds": _seconds,
    "days": _days,
    "per 1,000 answers": _digits,
    "incidents": _digits,
    "documents": lambda value: f"{value:,.0f}",
}
assert _SAID.keys() == set(get_args(Unit))
