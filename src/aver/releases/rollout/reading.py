"""From the evidence of turns, and of calls that are part of none, to readings: each once, by its place in its tenant's chain, whoever reads and however
often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from aver.evidence import Ledger, Step, StepKind
from aver.releases.rollout.measures import MEASURES
from aver.releases.rollout.observed import Reading
from aver.releases.rollout.state import Rollout

__all__ = ["EvidenceTraffic", "Pair", "pairs_of", "reading_of", "values_of"]

_ENDS: tuple[StepKind, ...] = ("sealed", "failed")
_KINDS: tuple[StepKind, ...] = (*_ENDS, "called", "judged")
_MOST = 5000
"""Steps of a kind, of one tenant, that are taken in at one look."""
_ASSIGNED: frozenset[StepKind] = frozenset({"admitted", "called"})
"""Steps that say which arm a turn, or a call that is part of none, was given."""
_BATCH = 200
_LEFT = "cancelled"
_BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Pair:
    """A turn that a variant has answered too: the readings of the answer given, and those of the shadow."""

    turn: str
    variant: str
    given: Mapping[str, float]
    shadow: Mapping[str, float]


def pairs_of(rollout: str, ledger: Ledger) -> Iterator[Pair]:
    """All pairs that one tenant's evidence has of the rollout with this id, in order. A turn that has not ended is none yet."""
    shadows = (step for step in ledger.of_kind("shadowed") if step.facts.get("rollout") == rollout)
    while part := list(islice(shadows, _BATCH)):
        turns = ledger.turns(step.turn for step in part)
        for step in part:
            steps = turns[step.turn]
            if any(each.kind in _ENDS for each in steps):
                shadow = {name: float(value) for name, value in step.facts.items() if name in MEASURES}
                yield Pair(step.turn, str(step.facts["variant"]), values_of(steps), shadow)


class EvidenceTraffic:
    """The readings of a rollout's turns over all tenants. ``ledgers`` gives every tenant's by its id; tenants may come and go meanwhile."""

    def __init__(self, ledgers: Callable[[], Mapping[str, Ledger]]) -> None:
        self._ledgers = ledgers

    def since(self, rollout: Rollout, cursors: Mapping[str, Any]) -> tuple[list[Reading], dict[str, Any]]:
        """What is behind ``cursors``: by tenant and kind of step, the sequence number of the last that was read. Where there is none at all the
        reading begins now; a tenant that came since is read from its beginning."""
        found: list[Reading] = []
        after: dict[str, Any] = {}
        for tenant, ledger in self._ledgers().items():
            if not cursors:
                after[tenant] = dict.fromkeys(_KINDS, ledger.head().seq)
                continue
            read = {**dict.fromkeys(_KINDS, 0), **(cursors.get(tenant) or {})}
            for kind in _KINDS:
                steps = list(islice(ledger.of_kind(kind, after=read[kind]), _MOST))
                found += _read(rollout, ledger, kind, steps)
                read[kind] = steps[-1].seq if steps else read[kind]
            after[tenant] = read
        return found, after


def reading_of(rollout: str, steps: Sequence[Step]) -> Reading | None:
    """What a turn that has ended, or a call that is part of none, came to; ``None`` where it was not part of the rollout with this id."""
    assigned = next((step for step in steps if step.facts.get("rollout") == rollout and step.kind in _ASSIGNED), None)
    if assigned is None:
        return None
    facts = assigned.facts
    claims = _claims(step.facts for step in steps if step.kind == "verified")
    return Reading(
        assigned.turn,
        str(facts["arm"]),
        int(facts["stage"]),
        int(facts["group"]),
        bool(facts["compared"]),
        values_of(steps),
        {"groundedness": float(claims)} if claims else {},
        math.log1p(facts.get("characters") or facts.get("bytes") or 0),
    )


def values_of(steps: Iterable[Step]) -> dict[str, float]:
    """By metric, what the steps of a turn say in clear. What they do not say is left out: a turn that claims nothing is neither grounded nor not."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step.facts)
    values: dict[str, float] = {}
    if claims := _claims(by_kind.get("verified", ())):
        values["groundedness"] = sum(facts.get("supported") or 0 for facts in by_kind["verified"]) / claims
    values |= _ending(by_kind)
    if checks := [*by_kind.get("checked", ()), *by_kind.get("failed", ())]:
        values["blocked"] = float(any(_BLOCKED in (facts.get("error"), _block(facts)) for facts in checks))
    elif "responded" in by_kind:
        values["blocked"] = 0.0
    if decided := by_kind.get("decided"):
        values["denied"] = float(any(facts.get("outcome") == "deny" for facts in decided))
    if called := by_kind.get("called"):
        values["cost_usd"] = sum(facts.get("nano_usd") or 0 for facts in called) / 1e9
        values["total_tokens"] = float(
            sum((facts.get("input_tokens") or 0) + (facts.get("output_tokens") or 0) for facts in called)
        )
    first = [
        facts["first_ms"] for facts in by_kind.get("generated", by_kind.get("called", ())) if facts.get("first_ms")
    ]
    return values | ({"first_ms": float(first[0])} if first else {})


def _claims(verified: Iterable[Mapping[str, Any]]) -> int:
    """Sentences that claim something: that the documents do not say is no claim."""
    return sum(facts.get("claims", facts.get("sentences")) or 0 for facts in verified)


def _ending(by_kind: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """How it ended. Somebody who left, or was held back by a check, is no failure of the release's."""
    if "admitted" not in by_kind and "called" in by_kind:  # a call that is part of no turn ends with itself
        last = by_kind["called"][-1]
        error, took = last.get("error"), last.get("ms")
    else:
        last = by_kind["responded"][-1] if "responded" in by_kind else {}
        error, took = by_kind["failed"][-1].get("error") or "unknown" if "failed" in by_kind else None, last.get("ms")
    if error:
        return {} if error == _LEFT else {"failed": float(error != _BLOCKED)}
    answered = {} if last.get("abstained") is None else {"answered": float(not last["abstained"])}
    return {"failed": 0.0, **answered, **({} if took is None else {"latency_ms": float(took)})}


def _block(facts: Mapping[str, Any]) -> str:
    return _BLOCKED if facts.get("outcome") == "block" else ""


def _read(rollout: Rollout, ledger: Ledger, kind: StepKind, steps: Sequence[Step]) -> Iterable[Reading]:
    if kind == "called":
        yield from filter(None, (reading_of(rollout.id, [step]) for step in steps))
        return
    for start in range(0, len(steps), _BATCH):
        part = steps[start : start + _BATCH]
        turns = ledger.turns(step.turn for step in part)
        if kind == "judged":
            yield from _judged(rollout, part, turns)
        else:
            yield from filter(None, (reading_of(rollout.id, each) for each in turns.values()))


def _judged(rollout: Rollout, judged: Sequence[Step], turns: Mapping[str, Sequence[Step]]) -> Iterable[Reading]:
    """Feedback, which comes after its turn was counted. The first counts: what is in a sum cannot be taken back for a second."""
    for step in judged:
        steps = turns.get(step.turn, ())
        reading = reading_of(rollout.id, steps)
        first = next((each.seq for each in steps if each.kind == "judged"), step.seq)
        if reading is None or first != step.seq or not step.body or step.body.get("score") is None:
            continue
        values = {"feedback": float(step.body["score"])}
        yield replace(reading, values=values, weights={}, late=True)
