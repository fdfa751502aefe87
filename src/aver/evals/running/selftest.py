"""Whether a labelled set measures anything: an agent that does nothing must not pass, and the labels themselves must."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aver.core.errors import AverError
from aver.evals.running.tally import Running
from aver.evals.scorers.answers import RIGHT_IF_GIVEN
from aver.evals.targets.null import Null, Oracle
from aver.evals.types import Case, Response, Scorer, Target

__all__ = ["SelfTest", "self_test"]

_NOT_FULL = ("precision@", "recall@", "ndcg@", "passage_")
"""Measures at a cut-off, which not even the best ranking fills where more or less is relevant than the cut-off takes."""
_UNKNOWN = frozenset({"groundedness", "verified", "leak_free", "unheld", "within_policy", "compliance", RIGHT_IF_GIVEN})
"""Measures of which the labels know nothing: of how something is said, and of what is held back."""


@dataclass(slots=True)
class SelfTest:
    """``null`` and ``oracle`` are what the two reach, by measure. ``passed`` are cases that doing nothing passes although something is to be done,
    ``failed`` those whose own labels fail, with why; ``idle`` counts cases in which nothing is what is wanted, ``unread`` those that no scorer
    reads; ``blind`` are measures in which doing nothing is as good as the labels."""

    cases: int = 0
    idle: int = 0
    unread: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    blind: list[str] = field(default_factory=list)
    null: dict[str, float] = field(default_factory=dict)
    oracle: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.passed or self.failed or self.blind or self.unread) and self.idle < self.cases


async def self_test(cases: Iterable[Case], scorers: Sequence[Scorer], oracle: Oracle) -> SelfTest:
    """Asks nobody but the two. A scorer that breaks on a case fails it."""
    found = SelfTest()
    sums: tuple[dict[str, Running], dict[str, Running]] = {}, {}
    for case in cases:
        found.cases += 1
        idle = case.unanswerable or case.refuse or (case.calls == () and case.state is None and case.expected is None)
        found.idle += idle
        nothing = await _scored(case, Null(), scorers, sums[0])
        wanted = await _scored(case, oracle, scorers, sums[1])
        if isinstance(wanted, str):
            found.failed[case.id] = wanted
            continue
        judged = {
            name: full for name, full in wanted.items() if name not in _UNKNOWN and not name.startswith(_NOT_FULL)
        }
        if not judged:
            found.unread.append(case.id)
        elif short := [name for name, full in judged.items() if not full]:
            found.failed[case.id] = f"its own labels do not reach {', '.join(short)}"
        elif not idle and isinstance(nothing, dict) and all(nothing.get(name, False) for name in judged):
            found.passed.append(case.id)
    found.null, found.oracle = (
        {name: each.value for name, each in some.items() if each.value is not None} for some in sums
    )
    if found.idle < found.cases:
        found.blind = [
            name
            for name, best in found.oracle.items()
            if name not in _UNKNOWN and name not in ("held_back", "refusal") and found.null.get(name, -1.0) >= best
        ]
    return found


async def _scored(
    case: Case, target: Target, scorers: Sequence[Scorer], sums: dict[str, Running]
) -> dict[str, bool] | str:
    """By measure, whether it is all that it can be; or why it could not be told."""
    full: dict[str, bool] = {}
    try:
        response: Response = await target.respond(case)
        for scorer in scorers:
            values, _ = await scorer.score(case, response)
            for name, (above, below) in values.items():
                if below > 0:
                    sums.setdefault(name, Running()).add(above, below)
                    full[name] = above >= below
    except AverError as error:
        return error.cause
    return full
