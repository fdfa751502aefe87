"""Conditions of a gate, and what was made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aver.evals.statistics.intervals import Interval

__all__ = ["EACH", "ERRORS", "Condition", "GateOutcome", "Judged", "Verdict", "fewer_is_better", "unbounded"]

GateOutcome = Literal["pass", "fail", "inconclusive"]
EACH = "*"
"""In place of a slice: each of them."""
ERRORS = 0.01
"""The share of asks that may end with an error where nothing is said: an error is neither right nor wrong, so many of them leave open how
good the rest is."""


def unbounded(measure: str) -> bool:
    """Whether a measure is an amount (money, time, tokens) rather than something between 0 and 1."""
    return measure.endswith(("_usd", "_ms", "_tokens"))


def fewer_is_better(measure: str) -> bool:
    return measure == "attack_success" or unbounded(measure)


@dataclass(frozen=True, slots=True)
class Condition:
    """A measure is to keep to one bound; exactly one of the four is set.

    ``no_worse_by`` is a margin in the measure's own unit, ``no_more_than`` a factor; both are against the baseline, case by case.
    """

    measure: str
    suite: str = ""
    """Every suite that is judged, where empty."""
    slice: str = ""
    """A tag, or :data:`EACH`."""
    at_least: float | None = None
    at_most: float | None = None
    no_worse_by: float | None = None
    no_more_than: float | None = None
    least_cases: int = 0
    """Fewer of them are inconclusive whatever they say."""
    errors_at_most: float = ERRORS

    @property
    def compares(self) -> bool:
        """Whether it takes a baseline."""
        return self.no_worse_by is not None or self.no_more_than is not None

    @property
    def bound(self) -> float:
        """In the unit of what it is judged on: the figure, the difference to the baseline (after less before), or the factor."""
        if self.no_worse_by is not None:
            return self.no_worse_by if fewer_is_better(self.measure) else -self.no_worse_by
        given = (self.at_least, self.at_most, self.no_more_than)
        return next(each for each in given if each is not None)

    @property
    def upward(self) -> bool:
        """Whether the bound is one to stay above."""
        return self.at_least is not None or (self.no_worse_by is not None and not fewer_is_better(self.measure))

    @property
    def text(self) -> str:
        """As it is typed: ``handbook:groundedness[hr]>=baseline-0.03``."""
        where = f"{self.suite}:" * bool(self.suite) + self.measure + f"[{self.slice}]" * bool(self.slice)
        if self.no_worse_by is not None:
            sign = "<=baseline+" if fewer_is_better(self.measure) else ">=baseline-"
            return f"{where}{sign}{self.no_worse_by:g}"
        if self.no_more_than is not None:
            return f"{where}<={self.no_more_than:g}x"
        return f"{where}>={self.at_least:g}" if self.at_least is not None else f"{where}<={self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What one condition came to on one suite and one slice (of a condition on each slice there is one a slice)."""

    condition: str
    suite: str
    measure: str
    slice: str
    outcome: GateOutcome
    said: str
    """Why, in a sentence."""
    found: Interval | None
    """What was judged: the figure, the difference to the baseline, or the factor; ``None`` where nothing could be."""
    bound: float
    upward: bool
    before: float | None = None
    after: float | None = None
    """The two figures, where they are compared."""
    needed: int | None = None
    """Cases with which it could be decided four times in five, were things as they look now; ``None`` where that is no question of cases."""
    cases: tuple[str, ...] = ()
    """Ids of those that speak against it, the worst first; none where the figures meet it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's: it passes when everything passes, fails when anything fails, and is inconclusive between."""

    outcome: GateOutcome
    judged: tuple[Judged, ...]
    objections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By suite, why its run cannot pass whatever its figures are."""

    @property
    def unmet(self) -> tuple[Judged, ...]:
        """What does not pass: failures first."""
        return tuple(
            sorted((each for each in self.judged if each.outcome != "pass"), key=lambda each: each.outcome != "fail")
        )
