"""Regressions that got past a gate: a release whose gate passed, and whose rollout was rolled back. What was missing that would have caught it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Escape", "Gap", "Gated", "escape_of"]

Gap = Literal["no gate", "not gated", "no such slice", "too few cases", "not the same", "not measured offline"]
"""``not gated``: the gate asks nothing of what failed. ``not the same``: it does, with cases enough, and found nothing: the cases are not what users ask."""
_LEAST = 20
"""Cases of a slice below which a gate has nothing to say of it."""
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
class Gated:
    """A gate that passed. ``measures`` is what it asks something of, ``cases`` how many there were by slice, all together under an empty name, and
    ``detectable`` by measure the least change that they would have shown."""

    measures: frozenset[str]
    cases: Mapping[str, int]
    detectable: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Escape:
    """``change`` of the metric online, as the rollout found it. ``todo`` says what to add, so that it does not happen again."""

    release: str
    rollout: str
    metric: str
    change: float | None
    slices: tuple[str, ...]
    gap: Gap
    turns: tuple[str, ...]
    todo: str


def escape_of(
    release: str,
    rollout: str,
    findings: Sequence[Mapping[str, Any]],
    gated: Gated | None,
    slices: Mapping[str, int] | None = None,
) -> list[Escape]:
    """One for each metric that failed. ``findings`` as the rollout put them on record; ``slices`` says of how many of the turns that weighed a slice of the
    dataset would have spoken (by language, source or topic), where somebody has told."""
    found = []
    for finding in findings:
        if finding["outcome"] != "fail":
            continue
        metric, turns = finding["metric"], tuple(finding["turns"])
        hit = tuple(name for name, count in (slices or {}).items() if count)
        gap, todo = _gap(metric, finding["change"], gated, hit)
        promote = (
            f" Turn {', '.join(turns[:3])} into cases: aver dataset promote." if turns and gap != "no gate" else ""
        )
        found.append(Escape(release, rollout, metric, finding["change"], hit, gap, turns, todo + promote))
    return found


def _gap(metric: str, change: float | None, gated: Gated | None, slices: tuple[str, ...]) -> tuple[Gap, str]:
    if gated is None:
        return "no gate", "No gate has judged this release: declare evals.gate, and let promotion require it."
    known = OFFLINE.get(metric, ())
    if not known:
        return (
            "not measured offline",
            f"Nothing measures {metric} of cases: only a rollout, or shadow traffic, can tell.",
        )
    asked = gated.measures.intersection(known)
    if not asked:
        return "not gated", f"The gate asks nothing of {metric}: add a condition on {known[0]}."
    thin = min(slices, key=lambda name: gated.cases.get(name, 0), default="")
    cases = gated.cases.get(thin, 0) if thin else _LEAST
    if cases < _LEAST:
        gap: Gap = "too few cases" if cases else "no such slice"
        return gap, f"The slice {thin!r} has {cases} cases: {_LEAST} are needed at least."
    least = min((gated.detectable[each] for each in asked if each in gated.detectable), default=None)
    if least is not None and change is not None and abs(change) < least:
        said = f"The gate could only have shown a change of {least:.3g}, and this one is {abs(change):.3g}: add cases."
        return "too few cases", said
    return "not the same", f"The gate looked at {min(asked)} and saw nothing: its cases are not what users ask."
