"""What a set can show, said before anybody is asked: how narrow its figures will be, which difference it can see, and how many cases it would take.

Nothing is known yet of how results will vary, so it is assumed: shares vary as one half does, at most; and between two releases every tenth case turns.
A gate says afterwards, from what it saw, how many cases would tell.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

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


def outlook(cases: Sequence[Case], conditions: Iterable[Condition] = ()) -> Outlook:
    """Of at least one case. ``conditions`` are those that a gate puts to it; what is said of amounts (money, time, tokens) cannot be foretold."""
    design = _design(cases)
    short = [found for each in conditions for tag, some in _among(cases, each) if (found := _short(each, tag, some))]
    return Outlook(
        cases=len(cases),
        clusters=len(_sizes(cases)),
        within=_half(wilson(0.5, len(cases) / design.effect)),
        detectable=min(1.0, detectable(len(cases), design)),
        needed=needed(AIM, design),
        short=tuple(short),
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


def _short(condition: Condition, tag: str, cases: Sequence[Case]) -> Short | None:
    """What keeps ``cases`` from meeting it, if anything is certain to, or likely."""
    if not cases or unbounded(condition.measure):
        return None
    if condition.no_worse_by:
        least, why = needed(condition.no_worse_by, _design(cases)), "to decide it four times in five takes about"
    elif condition.at_least is not None and condition.at_least < 1:
        least, why = _all_right(condition.at_least), "if all of them are right, it passes from"
    elif condition.at_most:
        least, why = _all_right(1 - condition.at_most), "if none of them is, it passes from"
    else:
        return None
    least = max(least or 0, condition.least_cases)
    return Short(condition.text, tag, len(cases), least, why) if least > len(cases) else None


def _all_right(bound: float) -> int:
    """Cases of which all have to be right for Wilson's interval to stay above ``bound``."""
    z = normal_quantile(0.5 + CONFIDENCE / 2)
    return math.ceil(z * z * bound / (1 - bound) - 1e-9)


def _among(cases: Sequence[Case], condition: Condition) -> Iterator[tuple[str, list[Case]]]:
    """The cases that a condition counts, as far as their labels say: with :data:`~aver.evals.gates.types.EACH` by slice."""
    counts = [each for each in cases if _measured(each, condition.measure)]
    if condition.slice != EACH:
        yield "", [each for each in counts if not condition.slice or condition.slice in each.tags]
        return
    for tag in sorted({tag for each in counts for tag in each.tags}):
        yield tag, [each for each in counts if tag in each.tags]


def _measured(case: Case, measure: str) -> bool:
    if measure == "held_back":
        return case.unanswerable
    if measure in ("refusal", "compliance"):
        return case.refuse is (measure == "refusal")
    return not (case.unanswerable or case.refuse)


def _design(cases: Sequence[Case]) -> Design:
    sizes = list(_sizes(cases).values())
    mean = fmean(sizes)
    return Design.flips(TURNED).clustered(mean, ALIKE if mean > 1 else 0.0, pstdev(sizes) / mean)


def _sizes(cases: Sequence[Case]) -> Counter[tuple[str, str]]:
    return Counter(("cluster", each.cluster) if each.cluster else ("case", each.id) for each in cases)


def _half(ends: tuple[float, float]) -> float:
    return (ends[1] - ends[0]) / 2
