"""Two runs over the same cases: what became better or worse, on which cases, and what a sample like this one could have shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.gates.admitting import incomparable
from aver.evals.gates.estimating import change, detectable
from aver.evals.gates.sheet import Sheet, columns, measures, shown_value, slices
from aver.evals.gates.types import fewer_is_better, unbounded
from aver.evals.statistics.pairing import Difference, Verdict, verdicts

__all__ = ["Change", "Comparison", "Flip", "compare", "flips"]

T = TypeVar("T")
_LEADING = (
    "right_of_answered",
    "task_success",
    "exact",
    "gold_in_citations",
    "groundedness",
    "answered",
    "attack_success",
)
"""What a verdict is first about, where nobody says: whether answers are right, then whether there is ground for them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a measure did. ``difference.verdict`` says better or worse by what is good for the measure, not by its sign."""

    measure: str
    difference: Difference
    detectable: float | None
    """The difference that this many cases would have shown four times in five."""
    better: int
    worse: int
    """Cases of which the measure moved either way."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that moved. ``before`` and ``after`` are its own figures."""

    case: str
    measure: str
    before: float
    after: float
    way: Literal["better", "worse"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``shared`` cases are in both. Verdicts over ``changes`` are corrected together by Holm, those over ``slices`` by themselves."""

    shared: int
    only_before: int
    only_after: int
    changes: Mapping[str, Change]
    slices: Mapping[str, Mapping[str, Change]]
    leading: str
    """The measure that the verdict is first about."""
    flips: tuple[Flip, ...]
    """Of the leading measure: the worst losses first, then the gains."""
    doubts: tuple[str, ...]
    """Why what is compared may not be the same thing measured twice."""


def compare(before: Sheet, after: Sheet, leading: str = "") -> Comparison:
    """``after`` less ``before`` over the cases of both; slices are those of ``after``.

    Raises :class:`~aver.core.errors.InvalidInput` when they have no case, or no measure, in common, and for a ``leading`` that is none of theirs.
    """
    shared = [name for name in after.rows if name in before.rows]
    if not shared:
        raise InvalidInput("The two runs have no case in common", "Compare two runs of the same set.")
    names = [name for name in measures(after.rows[each] for each in shared) if _in_both(before, after, name, shared)]
    if not names:
        raise InvalidInput("The two runs have no measure in common", "Score both with the same scorers.")
    if leading and leading not in names:
        raise InvalidInput(f"Both runs have no {leading!r}", nearest(leading, names))
    changes = _decided({name: _change(before, after, name, "", shared) for name in names})
    every = {
        (tag, name): found
        for tag in slices(after)
        for name in names
        if (found := _change(before, after, name, tag, shared)) is not None
    }
    sliced: dict[str, dict[str, Change]] = {}
    for (tag, name), found in _decided(every).items():
        sliced.setdefault(tag, {})[name] = found
    first = leading or _first(changes)
    return Comparison(
        len(shared),
        len(before.rows) - len(shared),
        len(after.rows) - len(shared),
        changes,
        sliced,
        first,
        tuple(flips(before, after, first)),
        _doubts(before, after),
    )


def flips(before: Sheet, after: Sheet, measure: str) -> list[Flip]:
    """Every case whose figure moved, the worst losses first, then the gains, the largest first."""
    found: list[tuple[float, Flip]] = []
    sign = -1 if fewer_is_better(measure) else 1
    for name, row in after.rows.items():
        old = before.rows.get(name)
        was, now = None if old is None else shown_value(old, measure), shown_value(row, measure)
        if was is None or now is None or abs(now - was) <= 1e-9:
            continue
        gain = sign * (now - was)
        found.append((gain, Flip(name, measure, was, now, "better" if gain > 0 else "worse")))
    found.sort(key=lambda each: (each[0] > 0, -abs(each[0]), each[1].case))
    return [flip for _, flip in found]


def _in_both(before: Sheet, after: Sheet, measure: str, shared: list[str]) -> bool:
    return any(
        shown_value(before.rows[name], measure) is not None and shown_value(after.rows[name], measure) is not None
        for name in shared
    )


def _change(before: Sheet, after: Sheet, measure: str, tag: str, shared: list[str]) -> Change | None:
    """``None`` where no case has the measure in both."""
    both = [name for name in shared if shown_value(before.rows[name], measure) is not None]
    names, new = columns(after, measure, tag, both)
    if not names:
        return None
    _, old = columns(before, measure, "", names)
    old[:, 2] = new[:, 2]
    gains = (new[:, 0] / new[:, 1] - old[:, 0] / old[:, 1]) * (-1 if fewer_is_better(measure) else 1)
    found = change(old, new)
    return Change(measure, found, detectable(found), int((gains > 1e-9).sum()), int((gains < -1e-9).sum()))


def _decided(changes: Mapping[T, Change | None]) -> dict[T, Change]:
    """With verdicts, corrected for how many are looked at together."""
    known = {key: each for key, each in changes.items() if each is not None}
    signed = verdicts({key: each.difference for key, each in known.items()})
    return {
        key: replace(each, difference=replace(each.difference, verdict=_judged(each.measure, signed[key])))
        for key, each in known.items()
    }


def _judged(measure: str, verdict: Verdict) -> Verdict:
    if verdict == "inconclusive" or not fewer_is_better(measure):
        return verdict
    return "worse" if verdict == "better" else "better"


def _first(changes: Mapping[str, Change]) -> str:
    """What the verdict begins with: of the measures people know best the first that certainly changed, else any that did; else the best known."""
    bounded = [name for name in changes if not unbounded(name)] or list(changes)
    known = [*(name for name in _LEADING if name in bounded), *(name for name in bounded if name not in _LEADING)]
    moved = [name for name in known if changes[name].difference.verdict != "inconclusive"]
    return (moved or known)[0]


def _doubts(before: Sheet, after: Sheet) -> tuple[str, ...]:
    found = [*incomparable(after, before)]
    if not after.complete:
        found.append("the later run is not whole")
    if before.header.dataset_digest != after.header.dataset_digest:
        found.append("the set changed between the runs: a case with the same id may ask something else")
    return tuple(found)
