"""Leaving the rest of a run when its verdict is certain: the interval of what is required, valid however often it is looked at, no longer leaves a bound open.

Cases are taken in a random order, and looked at in that order whichever finishes first, so that what is slow to answer is no less heard. An interval of a
sample whose size was fixed would be wrong far more often than it says when looked at after every case; a confidence sequence is not
(:mod:`aver.evals.statistics.sequential`). By the same intervals is such a run reported and judged afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aver.core.errors import InvalidInput
from aver.evals.gates.types import Condition, unbounded
from aver.evals.running.service import seed_of
from aver.evals.statistics.intervals import LEAST
from aver.evals.statistics.judgement import Outcome, judged
from aver.evals.statistics.sequential import ConfidenceSequence
from aver.evals.types import Case, Result

__all__ = ["Stopping", "shuffled", "watchable"]


class Stopping:
    """Asked after each result, as :class:`~aver.evals.running.service.Runner` does: what is required has failed, or all of it is met, for certain. ``cases``
    in the order in which they are taken. No condition is decided by less than :data:`~aver.evals.statistics.intervals.LEAST` cases."""

    def __init__(self, conditions: Sequence[Condition], cases: Sequence[Case]) -> None:
        self._sequences = [(each, ConfidenceSequence()) for each in conditions]
        self._waiting: dict[str, Result] = {}
        self._order = [case.id for case in cases]
        self._looks = 0

    def __call__(self, result: Result) -> str:
        """Why the rest may be left; nothing while it may not. Raises :class:`~aver.core.errors.InvalidInput` for a measure that is no share of a case."""
        self._waiting[result.case] = result
        why = ""
        while not why and self._looks < len(self._order) and self._order[self._looks] in self._waiting:
            self._take(self._waiting.pop(self._order[self._looks]))
            self._looks += 1
            why = self._certain()
        return why

    def _take(self, result: Result) -> None:
        for condition, sequence in self._sequences:
            above, below = result.values.get(condition.measure, (0.0, 0.0))
            if below:
                if not (below == 1 and 0 <= above <= 1):
                    raise InvalidInput(
                        f"{condition.measure} is no share of one case, and its run cannot be left early",
                        "Require something of a measure that is, or run it whole.",
                    )
                sequence.update([above])

    def _certain(self) -> str:
        found = [(self._outcome(condition, sequence), condition, sequence) for condition, sequence in self._sequences]
        failed = [each for each in found if each[0] == "fail"]
        if not failed and any(outcome != "pass" for outcome, _, _ in found):
            return ""
        said = [_said(*each) for each in failed or found]
        return f"certain after {self._looks:,} of {len(self._order):,} cases, looked at after each: {'; '.join(said)}"

    def _outcome(self, condition: Condition, sequence: ConfidenceSequence) -> Outcome:
        if sequence.tally.n < max(LEAST, condition.least_cases) or not sequence.excludes(condition.bound):
            return "inconclusive"
        found = sequence.interval
        return judged(found, condition.bound, less_is_better=not condition.upward).outcome


def _said(outcome: Outcome, condition: Condition, sequence: ConfidenceSequence) -> str:
    found = sequence.interval
    verb = "holds" if outcome == "pass" else "does not hold"
    return f"{condition.text} {verb}, {found.value:.3f} ({found.low:.3f} to {found.high:.3f}, {found.n:,} cases)"


def watchable(conditions: Sequence[Condition], suite: str) -> tuple[Condition, ...]:
    """Those on this suite. Raises :class:`~aver.core.errors.InvalidInput` where there is none, and for one that cannot be certain before a run is whole."""
    found = tuple(each for each in conditions if each.suite in ("", suite))
    if not found:
        raise InvalidInput(
            f"Nothing is required of {suite!r}, so nothing can be certain early",
            "Give --require CONDITION, or declare a gate under evals: in aver.yaml.",
        )
    for each in found:
        if each.compares or each.slice or unbounded(each.measure):
            raise InvalidInput(
                f"{each.text!r} cannot be decided before the run is whole",
                "Name bounds on shares of all cases in its place: --require 'MEASURE>=NUMBER'.",
            )
    return found


def shuffled(cases: Iterable[Case], seed: int, repeats: int = 1) -> list[Case]:
    """In a random order, the same for a seed. Raises :class:`~aver.core.errors.InvalidInput` for cases that depend on each other, of which a
    sequence would be too sure."""
    held = list(cases)
    if repeats > 1 or any(case.cluster for case in held):
        raise InvalidInput(
            "Cases that are asked repeatedly, or stand in clusters, depend on each other",
            "Ask each once, and leave clusters out, where a run may be left early.",
        )
    return sorted(held, key=lambda case: seed_of(seed, case.id, 0))
