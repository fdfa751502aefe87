"""Leaving the rest of a run when enough is known: a measure's interval, valid however often it is looked at, no longer leaves a bound open.

Cases are looked at in the order they finish, which must not follow from what they are: :func:`shuffled` takes them in a random one. An interval of a
sample whose size was fixed would be wrong far more often than it says when looked at after every case; a confidence sequence is not (Howard, Ramdas,
McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aver.core.errors import InvalidInput
from aver.evals.running.service import seed_of
from aver.evals.types import Case, Result

__all__ = ["Stopping", "Watched", "shuffled"]


class Watched(Protocol):
    """An interval of a mean between 0 and 1 that holds at all times at once, as :mod:`aver.evals.statistics` has it."""

    def update(self, values: Iterable[float]) -> None: ...

    def excludes(self, value: float) -> bool:
        """Whether the mean is not ``value``."""
        ...


@dataclass(slots=True)
class Stopping:
    """Asked after each result, as :class:`~aver.evals.running.service.Runner` does. ``least`` results are waited for in any case."""

    measure: str
    bound: float
    sequence: Watched
    least: int = 20
    _seen: int = 0

    def __call__(self, result: Result) -> str:
        """Why the rest may be left; nothing while it may not. Raises :class:`~aver.core.errors.InvalidInput` for what is no share."""
        pair = result.values.get(self.measure)
        if pair is None:
            return ""
        above, below = pair
        if not (below == 1 and 0 <= above <= 1):
            raise InvalidInput(
                f"{self.measure} is no share of one case, and its run cannot be left early", "Name a measure that is."
            )
        self._seen += 1
        self.sequence.update([above])
        if self._seen < self.least or not self.sequence.excludes(self.bound):
            return ""
        return f"{self.measure} is known to be on one side of {self.bound:g}, from {self._seen} cases"


def shuffled(cases: Sequence[Case], seed: int, repeats: int = 1) -> list[Case]:
    """In a random order, the same for a seed. Raises :class:`~aver.core.errors.InvalidInput` for cases that depend on each other, of which a
    sequence would be too sure."""
    if repeats > 1 or any(case.cluster for case in cases):
        raise InvalidInput(
            "Cases that are asked repeatedly, or stand in clusters, depend on each other",
            "Ask each once, and leave clusters out, where a run may be left early.",
        )
    return sorted(cases, key=lambda case: seed_of(seed, case.id, 0))
