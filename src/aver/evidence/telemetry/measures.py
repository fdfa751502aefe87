"""What is measured of a step, and of a whole turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aver.evidence.telemetry.names import Attributes

__all__ = ["Count", "measure_step", "measure_turn", "outcome_of"]

_SHADOW = "aver.rollout.shadow_of"

Count = Callable[[str, float, Mapping[str, object]], None]
"""Counts a value for an instrument, by its name, under attributes."""


def measure_step(count: Count, kind: str, facts: Mapping[str, Any], step: Attributes, turn: Attributes) -> None:
    """``step`` and ``turn`` are the attributes of the step, and of the turn that it is part of, if any."""
    count("aver.evidence.steps", 1, {"aver.step.kind": kind})
    if kind == "called":
        _call(count, facts, turn | step)
    elif _SHADOW in turn:  # it costs, and nobody is shown it
        return
    elif kind == "retrieved":
        count("aver.retrieval.duration", facts.get("ms", 0) / 1000, turn)
    elif kind == "checked":
        _checks(count, facts)
    elif kind == "decided":
        count("aver.decisions", 1, step)
    elif kind == "executed":
        count("aver.tool.duration", facts.get("ms", 0) / 1000, step)
    elif kind == "verified":
        supported, sentences = facts.get("supported", 0), facts.get("sentences", 0)
        for verdict, number in (("supported", supported), ("unsupported", sentences - supported)):
            if number:
                count("aver.answer.sentences", number, {**turn, "aver.answer.verdict": verdict})


def _call(count: Count, facts: Mapping[str, Any], known: Attributes) -> None:
    if facts.get("cache") not in ("exact", "semantic", "coalesced"):  # else nobody was asked for it
        count("gen_ai.client.operation.duration", facts.get("ms", 0) / 1000, known)
        if facts.get("streamed") and facts.get("first_ms"):
            count("gen_ai.client.operation.time_to_first_chunk", facts["first_ms"] / 1000, known)
        for sort in ("input", "output"):
            if tokens := facts.get(f"{sort}_tokens"):
                count("gen_ai.client.token.usage", tokens, {**known, "gen_ai.token.type": sort})
    if cost := facts.get("nano_usd"):
        count("aver.cost", cost / 1e9, known)


def _checks(count: Count, facts: Mapping[str, Any]) -> None:
    place, names = facts.get("place", ""), facts.get("checks", ())
    for name, outcome in zip(names, facts.get("outcomes", ()), strict=False):
        count("aver.checks", 1, {"aver.check.name": name, "aver.check.place": place, "aver.check.outcome": outcome})


def measure_turn(count: Count, seconds: float, turn: Attributes) -> None:
    """A turn has ended. ``turn`` has its outcome. One that only shadows another is none of those that people had."""
    if _SHADOW not in turn:
        count("aver.turn.duration", seconds, turn)


def outcome_of(kind: str, facts: Mapping[str, Any], turn: Mapping[str, object]) -> str:
    """What became of a turn that ended with a step of this kind: ``answered``, ``abstained``, ``cancelled`` or ``failed``."""
    if kind == "failed":
        return "cancelled" if facts.get("error") == "cancelled" else "failed"
    return "abstained" if turn.get("aver.answer.abstained") else "answered"
