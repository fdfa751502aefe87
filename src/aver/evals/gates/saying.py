"""Figures as people say them: points, money, times; never more digits than they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from aver.evals.gates.types import unbounded
from aver.evals.statistics.intervals import Interval

__all__ = ["amount", "between", "change_between", "counted", "listed", "moved", "share"]


def counted(n: int, one: str, several: str = "") -> str:
    """``1 case``, ``20,000 cases``."""
    return f"{n:,} {one if n == 1 else several or f'{one}s'}"


def listed(words: Sequence[str], most: int = 5) -> str:
    """``a, b and 3 more``."""
    if len(words) <= most:
        return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"


def share(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def amount(measure: str, value: float) -> str:
    """A measure's value in its unit: ``0.812``, ``$0.0041``, ``310 ms``, ``1,204 tokens``."""
    if measure.endswith("_usd"):
        return f"${value:,.4f}" if abs(value) < 1 else f"${value:,.2f}"
    if measure.endswith("_ms"):
        return f"{value:,.0f} ms" if abs(value) >= 10 else f"{value:.2g} ms"
    if measure.endswith("_tokens"):
        return f"{value:,.0f} tokens"
    return f"{value:.3f}"


def moved(measure: str, difference: float) -> str:
    """A difference: ``4.2 points more``, ``$0.0010 less``."""
    way = "more" if difference > 0 else "less"
    if unbounded(measure):
        return "no change" if difference == 0 else f"{amount(measure, abs(difference))} {way}"
    points = f"{abs(difference) * 100:.1f}"
    return "no change" if points == "0.0" else f"{points} points {way}"


def between(measure: str, found: Interval, *, signed: bool = False) -> str:
    """Its interval: ``0.771 to 0.846``; with ``signed`` that of a difference."""
    return change_between(measure, found.low, found.high) if signed else _plainly(measure, found)


def change_between(measure: str, low: float | None, high: float | None) -> str:
    """``-1.1 to +7.3 points``."""
    if low is None or high is None:
        return "too few to say"
    if unbounded(measure):
        return f"{_signed(measure, low)} to {_signed(measure, high)}"
    return f"{low * 100:+.1f} to {high * 100:+.1f} points"


def _plainly(measure: str, found: Interval) -> str:
    if found.low is None or found.high is None:
        return "none of a run that was left early" if found.method == "anytime" else "too few to say"
    return f"{amount(measure, found.low)} to {amount(measure, found.high)}"


def _signed(measure: str, value: float) -> str:
    return ("-" if value < 0 else "+") + amount(measure, abs(value))
