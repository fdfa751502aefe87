"""How a rollout goes on: a pure function of its state, of what was measured, and of the time. What it returns is saved before anything follows from it,
so that replicas that look at the same moment come to the same, and only one of them is heard.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from aver.core.errors import Conflict, InvalidInput
from aver.core.ids import new_id
from aver.releases.rollout.analysis import Analysis
from aver.releases.rollout.declaration import plan_digest
from aver.releases.rollout.plan import Plan
from aver.releases.rollout.state import EventKind, Kind, Rollout, Status, Variant

__all__ = ["LONGEST_LOOK", "Surroundings", "Word", "advance", "begin", "promote", "say"]

LONGEST_LOOK = 120.0
"""Seconds between two looks that count at most: what a clock that jumps ahead, or a controller that was away, adds to a stage."""
_LONGEST_REASON = 500
Word = Literal["pause", "resume", "abort"]
_WORDS: Mapping[Word, tuple[tuple[Status, ...], EventKind, Status]] = {
    "pause": (("running",), "paused", "paused"),
    "resume": (("paused",), "resumed", "running"),
    "abort": (("running", "paused"), "aborted", "aborted"),
}
"""By what a person says of a rollout: in which states that can be said, the event, and the state after it."""
_FIGURES = re.compile(r"[0-9\[]")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rollout depends on, beside its figures. ``gone`` are digests of releases that are not there any more; ``lacking`` says what keeps the
    candidate from being promoted, if anything; ``spikes`` by variant, what was found of its tokens."""

    gone: Collection[str] = ()
    lacking: tuple[str, ...] = ()
    spikes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def begin(
    plan: Plan,
    environment: str,
    control: str,
    variants: Mapping[str, str],
    now: datetime,
    *,
    by: str,
    kind: Kind = "rollout",
    weights: Mapping[str, float] | None = None,
    id: str = "",  # noqa: A002 - what it is called everywhere
) -> Rollout:
    """The first state. ``variants`` are digests by name. Raises :class:`~aver.core.errors.InvalidInput` where nothing would be tried."""
    if not control:
        raise InvalidInput(
            f"The environment {environment!r} serves no release yet", "Promote the first: aver release promote."
        )
    if not variants or any(not digest for digest in variants.values()):
        raise InvalidInput("There is no release to try", "Name one.")
    if kind == "rollout" and set(variants.values()) == {control}:
        raise InvalidInput("This release is in force there already", "Roll out another one.")
    if {"control", "holdout"} & set(variants):
        raise InvalidInput("A variant cannot be called control or holdout", "Choose another name.")
    given = weights or {}
    made = tuple(Variant(name, digest, given.get(name, 1.0)) for name, digest in variants.items())
    if any(variant.weight <= 0 for variant in made):
        raise InvalidInput("A variant without weight gets no turn", "Give it a weight above 0, or leave it out.")
    rollout = Rollout(
        id or new_id("rollout"), kind, environment, control, made, plan, "running", 0, now, now, looked=now
    )
    found = {"plan": plan_digest(plan), "control": control, "variants": dict(variants)}
    return rollout.happened("began", now, f"stage 1 of {len(plan.stages)}: {_who(rollout)}", by, found)


def advance(rollout: Rollout, analysis: Analysis, now: datetime, around: Surroundings | None = None) -> Rollout:
    """The rollout after a look at it. The same look twice changes nothing more."""
    if rollout.status != "running":
        return rollout
    around = around or Surroundings()
    rollout = _ticked(rollout, now)
    if rollout.control in around.gone:
        return _held(rollout, ("the control's release is gone, so there is nothing to go back to",), now, analysis)
    failed = {name: f"{name} takes {said['times']:.1f} times the tokens" for name, said in around.spikes.items()}
    failed |= {
        variant.name: f"the release of {variant.name} is gone"
        for variant in rollout.variants
        if variant.digest in around.gone
    }
    for name, why in analysis.failed.items():
        failed.setdefault(name, why)
    rollout = _without(rollout, failed, now, {**analysis.record(), "spikes": dict(around.spikes)})
    return rollout if rollout.ended else _onward(rollout, analysis, now, around)


def _onward(rollout: Rollout, analysis: Analysis, now: datetime, around: Surroundings) -> Rollout:
    """With what is left of the variants: to the next stage, to its end, or nowhere yet."""
    reasons = tuple(each for each in analysis.reasons if each not in analysis.failed.values())
    if rollout.ran < rollout.now.least:
        return replace(rollout, reason=f"{_lasting(rollout)}; so far {reasons[0]}" if reasons else _lasting(rollout))
    if reasons:
        return _held(rollout, reasons, now, analysis)
    figures = analysis.record()
    if rollout.stage + 1 < len(rollout.plan.stages):
        moved = replace(rollout, stage=rollout.stage + 1, ran=0.0, held=())
        said = f"stage {moved.stage + 1} of {len(moved.plan.stages)}: {_who(moved)}"
        return moved.happened("advanced", now, said, found=figures)
    if rollout.kind == "rollout" and around.lacking:
        return _held(rollout, (f"it may not be promoted: {', '.join(around.lacking)}",), now, analysis)
    if rollout.kind == "rollout":
        said = "every metric is within its bound"
        return rollout.happened("promoted", now, said, found=figures, status="promoted")
    return rollout.happened("concluded", now, _result(analysis), found=figures, status="concluded")


def say(rollout: Rollout, word: Word, now: datetime, *, by: str, reason: str) -> Rollout:
    """What a person says of it as a whole. ``pause``: everybody keeps what they have, and nobody looks. ``resume``: it is looked at again; the time it was
    paused for does not count. ``abort``: it ends, and everybody gets the control. Raises :class:`~aver.core.errors.Conflict` where that cannot be said of
    it, and :class:`~aver.core.errors.InvalidInput` without a reason."""
    before, event, status = _WORDS[word]
    _must_be(rollout, before, event)
    ticked = _ticked(rollout, now) if rollout.status == "running" else rollout
    looked = now if status == "running" else None
    return ticked.happened(event, now, _reason(reason), by, status=status, looked=looked)


def promote(rollout: Rollout, now: datetime, *, by: str, reason: str, variant: str = "") -> Rollout:
    """End it by a person's word: everybody gets the candidate, whatever the figures say. Of an experiment, ``variant`` is named."""
    _must_be(rollout, ("running", "paused"), "promoted")
    chosen = [each for each in rollout.variants if each.name == variant or (not variant and len(rollout.variants) == 1)]
    if not chosen:
        names = ", ".join(each.name for each in rollout.variants)
        raise InvalidInput("It is not said which variant is to be promoted", f"Name one of {names}.")
    if chosen[0].stopped:
        raise Conflict(f"{chosen[0].name} was stopped: {rollout.reason}", "Roll it out again once it is mended.")
    return rollout.happened("promoted", now, _reason(reason), by, status="promoted", variants=(chosen[0],))


def _ticked(rollout: Rollout, now: datetime) -> Rollout:
    """With the time since the last look counted, no more than :data:`LONGEST_LOOK` of it. Of a clock that is behind by less than that, another replica's
    is ahead: what that one has counted is not counted again. One that is further behind was set back, and is gone by from now on."""
    passed = 0.0 if rollout.looked is None else (now - rollout.looked).total_seconds()
    if -LONGEST_LOOK <= passed < 0:
        return rollout
    return replace(rollout, ran=rollout.ran + min(max(passed, 0.0), LONGEST_LOOK), looked=now)


def _held(rollout: Rollout, reasons: tuple[str, ...], now: datetime, analysis: Analysis) -> Rollout:
    """Inconclusive: it stays where it is. Each kind of reason is put on record once a stage; its figures change with every look."""
    said, kind = "held: " + "; ".join(reasons[:3]), _FIGURES.split(reasons[0])[0]
    if kind in rollout.held:
        return replace(rollout, reason=said)
    rollout = replace(rollout, held=(*rollout.held, kind))
    return rollout.happened("held", now, said, found=analysis.record())


def _without(rollout: Rollout, failed: Mapping[str, str], now: datetime, found: Mapping[str, Any]) -> Rollout:
    """Variants that failed get no more turns; where none is left, the rollout is over."""
    for variant in rollout.variants:
        if variant.stopped or variant.name not in failed:
            continue
        rest = tuple(replace(each, stopped=each.stopped or each == variant) for each in rollout.variants)
        if all(each.stopped for each in rest):
            return rollout.happened(
                "rolled_back", now, failed[variant.name], found=found, status="rolled_back", variants=rest
            )
        rollout = rollout.happened("stopped", now, failed[variant.name], found=found, variants=rest)
    return rollout


def _result(analysis: Analysis) -> str:
    return "; ".join(each.said for each in analysis.findings if each.outcome == "pass") or "nothing failed"


def _must_be(rollout: Rollout, statuses: Collection[str], wanted: str) -> None:
    if rollout.status not in statuses:
        raise Conflict(f"It is {rollout.status.replace('_', ' ')}, and cannot be {wanted}", "See: aver rollout status")


def _reason(reason: str) -> str:
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput("What a person does to a rollout is kept with its reason", "Say why.")
    if len(text) > _LONGEST_REASON or not text.isprintable():
        raise InvalidInput(
            "The reason is too long, or holds what cannot be printed", f"Use {_LONGEST_REASON} characters."
        )
    return text


def _lasting(rollout: Rollout) -> str:
    return f"stage {rollout.stage + 1} lasts {rollout.now.least:g} seconds, {rollout.ran:.0f} of which are over"


def _who(rollout: Rollout) -> str:
    stage = rollout.now
    named = [*stage.tenants, *stage.users, *stage.groups]
    return f"{stage.percent:g} % of {', '.join(named) if named else 'everybody'}"
