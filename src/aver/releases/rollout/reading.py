"""From the evidence of turns to readings: each turn once, by its place in its tenant's chain, whoever reads and however often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from aver.evidence import Ledger, Step, StepKind
from aver.releases.rollout.observed import Reading
from aver.releases.rollout.state import Rollout

__all__ = ["EvidenceTraffic", "reading_of", "values_of"]

_ENDS: tuple[StepKind, ...] = ("sealed", "failed")
_MOST = 5000
"""Turns of one tenant that are taken in at one look."""
_BATCH = 200
_LEFT = "cancelled"
_BLOCKED = "blocked"


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
                head = ledger.head().seq
                after[tenant] = dict.fromkeys((*_ENDS, "judged"), head)
                continue
            read = dict(cursors.get(tenant) or dict.fromkeys((*_ENDS, "judged"), 0))
            for kind in _ENDS:
                ended = list(islice(ledger.of_kind(kind, after=read[kind]), _MOST))
                found += _ended(rollout, ledger, ended)
                read[kind] = ended[-1].seq if ended else read[kind]
            judged = list(islice(ledger.of_kind("judged", after=read["judged"]), _MOST))
            found += _judged(rollout, ledger, judged)
            read["judged"] = judged[-1].seq if judged else read["judged"]
            after[tenant] = read
        return found, after


def reading_of(rollout: str, steps: Sequence[Step]) -> Reading | None:
    """What a turn that has ended came to; ``None`` where it was not part of the rollout with this id."""
    admitted = next((step for step in steps if step.kind == "admitted"), None)
    if admitted is None or admitted.facts.get("rollout") != rollout:
        return None
    facts = admitted.facts
    covariate = math.log1p(facts.get("characters") or 0)
    claims = _claims(step.facts for step in steps if step.kind == "verified")
    return Reading(
        admitted.turn,
        str(facts["arm"]),
        int(facts["stage"]),
        int(facts["group"]),
        bool(facts["compared"]),
        values_of(steps),
        {"groundedness": float(claims)} if claims else {},
        covariate,
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
    if failed := by_kind.get("failed"):
        error = failed[-1].get("error")
        return {} if error == _LEFT else {"failed": float(error != _BLOCKED)}
    values = {"failed": 0.0}
    if responded := by_kind.get("responded"):
        last = responded[-1]
        if last.get("abstained") is not None:
            values["answered"] = float(not last["abstained"])
        if last.get("ms") is not None:
            values["latency_ms"] = float(last["ms"])
    return values


def _block(facts: Mapping[str, Any]) -> str:
    return _BLOCKED if facts.get("outcome") == "block" else ""


def _ended(rollout: Rollout, ledger: Ledger, ended: Sequence[Step]) -> Iterable[Reading]:
    turns = [step.turn for step in ended]
    for start in range(0, len(turns), _BATCH):
        for steps in ledger.turns(turns[start : start + _BATCH]).values():
            if reading := reading_of(rollout.id, steps):
                yield reading


def _judged(rollout: Rollout, ledger: Ledger, judged: Sequence[Step]) -> Iterable[Reading]:
    """Feedback, which comes after its turn was counted. The first counts: what is in a sum cannot be taken back for a second."""
    for start in range(0, len(judged), _BATCH):
        part = judged[start : start + _BATCH]
        turns = ledger.turns(step.turn for step in part)
        for step in part:
            steps = turns.get(step.turn, ())
            reading = reading_of(rollout.id, steps)
            first = next((each.seq for each in steps if each.kind == "judged"), step.seq)
            if reading is None or first != step.seq or not step.body:
                continue
            values = {"feedback": float(step.body["score"])}
            yield replace(reading, values=values, weights={}, late=True)
