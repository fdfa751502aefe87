"""Regressions that got past a gate: a release whose rollout was rolled back, and what the gate had asked of it. What was missing that would have caught it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from aver.evals.gates.types import GateOutcome, unbounded
from aver.evidence import Step

__all__ = ["Asked", "Escape", "Gap", "Gated", "escape_of"]

Gap = Literal[
    "no gate",
    "not passed",
    "not on record",
    "not measured offline",
    "not gated",
    "too few cases",
    "not compared",
    "not the same",
]
"""``not passed``: the gate's last word was another. ``not on record``: a gate passed it, and no evidence says on which figures. ``not gated``: it asks nothing
of what failed. ``not compared``: it asks for a fixed bound alone, above which there was room to fall. ``not the same``: it held the release against its
baseline, with cases enough, and found nothing: the cases are not what users ask."""
_LEAST = 20
"""Cases below which a gate has nothing to say."""
OFFLINE: Mapping[str, tuple[str, ...]] = {
    "groundedness": ("groundedness", "supported", "citation_precision"),
    "answered": ("answered", "right_of_answered", "coverage"),
    "feedback": ("helpful", "right", "right_of_answered"),
    "blocked": ("over_refusal", "refusal"),
    "cost_usd": ("cost_usd",),
    "total_tokens": ("tokens", "total_tokens", "output_tokens"),
    "latency_ms": ("latency_ms", "answer_ms"),
    "first_ms": ("first_ms",),
}
"""By what is measured of turns, names of what measures the same of cases."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition that a gate judged. ``cases`` is 0 where it had nothing to judge, as of a release against itself."""

    condition: str
    measure: str
    said: str
    """What was found, in a sentence."""
    cases: int
    compared: bool
    """Whether it was held against a baseline."""
    least: float | None
    """The least change that would have shown, which is how far its interval reaches: of what is unbounded a part of the whole, else a difference."""

    @classmethod
    def of(cls, judged: Mapping[str, Any]) -> Asked:
        """As :func:`aver.evals.gates.recording.record` puts it on record."""
        condition, measure, found = str(judged["condition"]), str(judged["measure"]), judged["found"]
        said, compared = str(judged["said"]), judged["before"] is not None
        if found is None:
            return cls(condition, measure, said, 0, compared=False, least=None)
        edge = found["low"] if judged["upward"] else found["high"]
        least = None if edge is None else abs(float(found["value"]) - float(edge))
        if least is not None and unbounded(measure) and not condition.endswith("x"):
            whole = abs(float(judged["before"] if compared else found["value"]))
            least = least / whole if whole else None
        return cls(condition, measure, said, int(found["n"]), compared, least)


@dataclass(frozen=True, slots=True)
class Gated:
    """What a gate said of a release. ``turn`` is where the evidence has it, empty where none does and only the registry of releases knows."""

    turn: str
    at: datetime
    outcome: GateOutcome
    asked: tuple[Asked, ...] = ()

    @classmethod
    def of(cls, step: Step) -> Gated:
        """A step ``gated``; without its content, the outcome alone."""
        judged = (step.body or {}).get("judged", ())
        return cls(step.turn, step.at, step.facts["outcome"], tuple(map(Asked.of, judged)))


@dataclass(frozen=True, slots=True)
class Escape:
    """``change`` of the metric online, as the rollout found it, of what is unbounded a part of the control's; ``None`` where it broke a bound of its own.
    ``todo`` says what to add, so that it does not happen again."""

    release: str
    rollout: str
    metric: str
    change: float | None
    gap: Gap
    gate: str
    """The turn of the gate that judged the release, if the evidence has one."""
    passed: tuple[str, ...]
    """What that gate asked that should have told, with what it found."""
    stopped: str
    """The offline measure that did not foretell what came, though it should have; empty where that cannot be said of one."""
    turns: tuple[str, ...]
    todo: str


def escape_of(release: str, rollout: str, found: Mapping[str, Any], gated: Gated | None) -> list[Escape]:
    """One for each metric that failed, and for a rise of tokens. ``found`` is what the rollout put on record; ``gated`` the last word of a gate by then."""
    changes = {
        each["metric"]: (None if each["control"] is None else each["change"], each["turns"])
        for each in found.get("findings", ())
        if each["outcome"] == "fail"
    }
    for each in found.get("spikes", {}).values():
        changes.setdefault("total_tokens", (each["times"] - 1, each["turns"]))
    return [
        _escape(release, rollout, metric, change, tuple(turns), gated) for metric, (change, turns) in changes.items()
    ]


def _escape(
    release: str, rollout: str, metric: str, change: float | None, turns: tuple[str, ...], gated: Gated | None
) -> Escape:
    told = [] if gated is None else [each for each in gated.asked if each.measure in OFFLINE.get(metric, ())]
    gap, todo = _gap(metric, change, gated, told)
    if turns and gap not in ("no gate", "not passed"):
        todo = f"{todo} Make cases of the turns that weighed most: aver dataset promote --incident {rollout}"
    stopped = max(told, key=lambda each: each.cases).measure if gap == "not the same" else ""
    passed = tuple(f"{each.condition}: {each.said}" for each in told)
    return Escape(release, rollout, metric, change, gap, gated.turn if gated else "", passed, stopped, turns, todo)


def _gap(metric: str, change: float | None, gated: Gated | None, told: Sequence[Asked]) -> tuple[Gap, str]:
    if gated is None:
        return "no gate", "No gate has judged this release: declare evals.gate, and let promotion require it."
    if gated.outcome != "pass":
        todo = f"The gate said {gated.outcome}, and it was rolled out all the same: require a gate that passes."
        return "not passed", todo
    known = OFFLINE.get(metric, ())
    if not known:
        todo = f"Nothing measures {metric} of cases: only a rollout, or shadow traffic, can tell."
        return "not measured offline", todo
    if told:
        return _not_shown(change, told)
    if not gated.asked:
        todo = "A gate passed it, and on which figures is in no evidence: have it recorded, aver gate --tenant NAME."
        return "not on record", todo
    return "not gated", f"The gate asks nothing of {metric}: add a condition on {known[0]}."


def _not_shown(change: float | None, told: Sequence[Asked]) -> tuple[Gap, str]:
    """Why conditions on what failed have passed."""
    best = max(told, key=lambda each: each.cases)
    if 0 < best.cases < _LEAST:
        return "too few cases", f"The gate judged {best.measure} on {best.cases} cases: {_LEAST} are needed at least."
    least = min((each.least for each in told if each.least is not None), default=None)
    if least is not None and change is not None and abs(change) < least:
        todo = f"The gate could only have shown a change of {least:.3g}, and this one is {abs(change):.3g}: add cases."
        return "too few cases", todo
    if not any(each.compared for each in told):
        todo = (
            f"The gate holds {best.measure} to a fixed bound alone ({best.condition}): hold it against a baseline too."
        )
        return "not compared", todo
    return "not the same", f"The gate compared {best.measure} and found nothing: its cases are not what users ask."
