"""What a set can show, said before anybody is asked: how narrow its figures will be, which difference it can see, and how many cases it would take.

Nothing is known yet of how results will vary, so it is assumed: shares vary as one half does, at most; and between two releases every tenth case turns.
A gate says afterwards, from what it saw, how many cases would tell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aver.evals.gates.saying import counted
from aver.evals.gates.types import EACH, Condition, unbounded
from aver.evals.statistics.distributions import normal_quantile
from aver.evals.statistics.intervals import CONFIDENCE, wilson
from aver.evals.statistics.power import Design, detectable, needed
from aver.evals.types import Case

__all__ = ["Outlook", "Short", "outlook", "tell_outlook"]

TURNED = 0.1
"""The share of cases that come out otherwise in another release, either way."""
ALIKE = 0.2
"""The intraclass correlation of cases of one cluster."""
AIM = 0.05
"""The difference for which the cases that it takes are said."""


@dataclass(frozen=True, slots=True)
class Short:
    """A condition that so few cases can hardly meet, whatever comes."""

    condition: str
    slice: str
    cases: int
    """That it counts."""
    needed: int
    why: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of a set of ``cases``, in ``clusters``. Shares and differences are between 0 and 1."""

    cases: int
    clusters: int
    within: float
    """Half the width of the 95 % interval of a share of one half."""
    detectable: float
    """The least difference between two runs of the same cases that shows four times in five."""
    needed: int | None
    """Cases that show :data:`AIM`."""
    short: tuple[Short, ...] = ()


def outlook(cases: Iterable[Case], conditions: Iterable[Condition] = ()) -> Outlook:
    """Of at least one case; they are gone through once. ``conditions`` are those that a gate puts to them; amounts (money, time, tokens) cannot be foretold."""
    every, conditions = _Counted(), list(conditions)
    counted: dict[tuple[int, str], _Counted] = {}
    for case in cases:
        every.add(case)
        for number, condition in enumerate(conditions):
            for tag in _counting(condition, case):
                counted.setdefault((number, tag), _Counted()).add(case)
    found = [_short(conditions[number], tag, counted[number, tag]) for number, tag in sorted(counted)]
    return Outlook(
        cases=every.cases,
        clusters=every.clusters,
        within=_half(wilson(0.5, every.cases / every.design.effect)),
        detectable=min(1.0, detectable(every.cases, every.design)),
        needed=needed(AIM, every.design),
        short=tuple(filter(None, found)),
    )


def tell_outlook(found: Outlook) -> Iterator[str]:
    """Sentence by sentence."""
    of = f" in {counted(found.clusters, 'cluster')}" if found.clusters < found.cases else ""
    yield f"{counted(found.cases, 'case')}{of} {_tells(found)} a share to within {found.within * 100:.0f} points."
    if found.detectable <= AIM or found.needed is None:
        yield f"Between two releases a difference of {found.detectable * 100:.1f} points shows four times in five, if every tenth case turns."
    else:
        yield (
            f"Between two releases a difference of {found.detectable * 100:.0f} points shows four times in five, if every tenth case turns; "
            f"{AIM * 100:.0f} points would take {found.needed:,} cases."
        )
    for each in found.short:
        where = f" among {each.slice}" if each.slice else ""
        yield f"{each.condition}{where} counts {counted(each.cases, 'case')}; {each.why} {each.needed:,}."


def _tells(found: Outlook) -> str:
    return "tells" if found.cases == 1 else "tell"


def _short(condition: Condition, tag: str, counted: _Counted) -> Short | None:
    """What keeps these cases from meeting it, if anything is certain to, or likely."""
    if unbounded(condition.measure):
        return None
    if condition.no_worse_by:
        least, why = needed(condition.no_worse_by, counted.design), "to decide it four times in five takes about"
    elif condition.at_least is not None and condition.at_least < 1:
        least, why = _all_right(condition.at_least), "if all of them are right, it passes from"
    elif condition.at_most:
        least, why = _all_right(1 - condition.at_most), "if none of them is, it passes from"
    else:
        return None
    least = max(least or 0, condition.least_cases)
    return Short(condition.text, tag, counted.cases, least, why) if least > counted.cases else None


def _all_right(bound: float) -> int:
    """Cases of which all have to be right for Wilson's interval to stay above ``bound``."""
    z = normal_quantile(0.5 + CONFIDENCE / 2)
    return math.ceil(z * z * bound / (1 - bound) - 1e-9)


def _counting(condition: Condition, case: Case) -> Iterable[str]:
    """The slices in which a condition counts a case, as far as its labels say; the empty one unless there is one for each tag."""
    if not _measured(case, condition.measure):
        return ()
    if condition.slice == EACH:
        return case.tags
    return ("",) if not condition.slice or condition.slice in case.tags else ()


def _measured(case: Case, measure: str) -> bool:
    if measure == "held_back":
        return case.unanswerable
    if measure in ("refusal", "compliance"):
        return case.refuse is (measure == "refusal")
    return not (case.unanswerable or case.refuse)


@dataclass(slots=True)
class _Counted:
    """Cases, and the sizes of their clusters."""

    alone: int = 0
    sizes: Counter[str] = field(default_factory=Counter)

    def add(self, case: Case) -> None:
        if case.cluster:
            self.sizes[case.cluster] += 1
        else:
            self.alone += 1

    @property
    def cases(self) -> int:
        return self.alone + self.sizes.total()

    @property
    def clusters(self) -> int:
        return self.alone + len(self.sizes)

    @property
    def design(self) -> Design:
        mean = self.cases / self.clusters
        squares = (self.alone + sum(size * size for size in self.sizes.values())) / self.clusters
        variation = math.sqrt(max(0.0, squares - mean * mean)) / mean
        return Design.flips(TURNED).clustered(mean, ALIKE if mean > 1 else 0.0, variation)


def _half(ends: tuple[float, float]) -> float:
    return (ends[1] - ends[0]) / 2
