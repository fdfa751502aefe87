"""What a route's recorded calls teach: what was seen of each prompt, who was asked with which chance, and how well it went.

How well a call went is, of these, the first that is known: the feedback that was given on it; of an assistant's turn, the share of its
sentences that the sources support, and nothing where it abstained; the checks of a cascade.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from aver.core.errors import ContentFiltered, ContextOverflow, InvalidInput
from aver.evidence.facts import clear_name
from aver.evidence.types import Step, StepKind
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.replay import record_of
from aver.gateway.routing.learned import Example
from aver.gateway.routing.learned_features import Seen, unpack
from aver.gateway.types import Embedder

__all__ = ["Lesson", "Reason", "learned_from"]

Reason = Literal["erased", "not answered by a model", "not looked at", "a model left out", "no outcome"]
"""Why nothing is learned from a call: its person was erased; the answer came from the cache, from nobody, or from another model after a
failure that says nothing about the prompt; what the router needs was not recorded, or by another embedder; one of the route's models could
not have been asked at that moment; nothing says how well it went."""
_OF_THE_PROMPT = (ContentFiltered.slug, ContextOverflow.slug)
"""Failures of a model at this prompt, which it would repeat."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """``examples`` from ``calls`` of a route; the others are ``left_out``, counted by reason."""

    examples: tuple[Example, ...]
    calls: int
    left_out: Mapping[Reason, int]


def learned_from(
    steps: Callable[[StepKind], Iterable[Step]],
    route: str,
    models: Sequence[str],
    embedder: Embedder,
    since: datetime | None = None,
) -> Lesson:
    """``steps`` gives a tenant's evidence by kind; ``models`` are those that the route can ask now. Costs are US dollars."""
    outcomes = _outcomes(steps)
    examples: list[Example] = []
    left_out: Counter[Reason] = Counter()
    calls = 0
    for step in steps("called"):
        if step.facts.get("route") != clear_name(route) or (since is not None and step.at < since):
            continue
        calls += 1
        found = _example(step, models, embedder, outcomes)
        if isinstance(found, Example):
            examples.append(found)
        else:
            left_out[found] += 1
    return Lesson(tuple(examples), calls, dict(left_out))


def _outcomes(steps: Callable[[StepKind], Iterable[Step]]) -> dict[str, float]:
    """By the id of a turn, or of a call outside one."""
    supported = {
        step.turn: step.facts["supported"] / step.facts["sentences"]
        for step in steps("verified")
        if step.facts.get("sentences")
    }
    found = {
        step.turn: 0.0 if step.facts.get("abstained") else supported.get(step.turn, 0.0) for step in steps("responded")
    }
    # The last word counts: who judged again has changed their mind, and what was taken back was never said.
    last = {step.turn: step.body.get("score") for step in steps("judged") if step.body is not None}
    return found | {turn: float(score) for turn, score in last.items() if score is not None}


def _example(step: Step, models: Sequence[str], embedder: Embedder, outcomes: Mapping[str, float]) -> Example | Reason:
    if step.body is None:
        return "erased"
    record = record_of(step.body)
    if not record.attempts:
        return "not answered by a model"
    seen = _seen(record.inputs.get("prompt"), embedder)
    if seen is None:
        return "not looked at"
    chances = {each.model: each.propensity for each in record.candidates if not each.skipped}
    asked = record.attempts[0].model
    if not chances.keys() >= {*models} or not chances.get(asked):
        return "a model left out"
    success = _success([each for each in record.attempts if each.model == asked], record, outcomes.get(step.turn))
    if not isinstance(success, float):
        return success
    return Example(
        "",
        {asked: success},
        {asked: record.nano_usd / 1e9},
        {model: min(chances[model], 1.0) for model in models},
        seen,
        record.user if record.strategy == "experiment" else "",
    )


def _seen(kept: Mapping[str, Any] | None, embedder: Embedder) -> Seen | None:
    if not kept or kept.get("embedder") != embedder.name:
        return None
    try:
        return unpack(str(kept.get("seen")), embedder.dimension)
    except InvalidInput:
        return None


def _success(attempts: Sequence[Attempt], record: CallRecord, outcome: float | None) -> float | Reason:
    """Of the model that was asked first. What it said and nobody kept is judged by the check that it failed alone."""
    last = attempts[-1]
    if last.outcome.startswith("failed:") or last.outcome in _OF_THE_PROMPT:
        return 0.0
    answered = next((each for each in reversed(record.attempts) if each.outcome == "ok"), None)
    if answered is None or answered.model != last.model or record.error:
        return "not answered by a model"
    if outcome is not None:
        return outcome
    return 1.0 if last.checked else "no outcome"
