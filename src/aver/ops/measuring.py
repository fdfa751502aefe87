"""From the steps of a turn to sums: what it came to, in clear, and for whom it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aver.evidence.clear import ClearStep
from aver.ops.burning import events
from aver.ops.sums import Sums, add, count_value, level
from aver.ops.types import Objective

__all__ = ["ENDS", "UNLABELLED", "call_sums", "is_alone", "is_bad", "turn_sums"]

ENDS = frozenset({"sealed", "failed"})
"""The kinds of step with which a turn ends."""
UNLABELLED = "gateway"
"""The feature of a call that is part of no turn and bears no label."""
_NOT_OURS = frozenset(
    {"cancelled", "blocked", "invalid-input", "too-large", "not-found", "forbidden", "unauthenticated"}
)
"""How a turn or a call ends that nothing failed in: whoever asked left, was held back by a check, or asked for what there is not."""
_OUTWARD = frozenset({"output", "arguments"})
"""Where a check that finds something finds it in what a model made."""
_FOUND = frozenset({"flag", "redact", "block"})


def is_alone(step: ClearStep) -> bool:
    """Whether a call is part of no turn, and so is one by itself."""
    return step.kind == "called" and not step.turn.startswith("turn_")


def turn_sums(steps: Sequence[ClearStep]) -> tuple[str, Sums]:
    """The feature of a turn that has ended, or of a call by itself, and what it came to; no sums for a turn that nobody was shown."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step.facts)
    if "admitted" not in by_kind:
        return _single(by_kind)
    admitted = by_kind["admitted"][0]
    feature = _text(admitted.get("feature")) or UNLABELLED
    if admitted.get("shadow_of") or admitted.get("evaluation"):
        return feature, {}
    sums: Sums = {"turns": 1}
    _ending(sums, by_kind)
    _support(sums, by_kind)
    _checks(sums, by_kind)
    _tools(sums, by_kind)
    _spending(sums, by_kind.get("called", ()))
    return feature, sums


def _single(by_kind: Mapping[str, list[Mapping[str, Any]]]) -> tuple[str, Sums]:
    called = by_kind.get("called")
    if not called:
        return UNLABELLED, {}
    facts = called[-1]
    sums: Sums = {"turns": 1}
    error = facts.get("error")
    if error not in _NOT_OURS:
        sums["ended"] = 1
        sums["failed"] = sums["unsuccessful"] = float(bool(error))
        if not error:
            _took(sums, facts.get("ms"))
    _spending(sums, called)
    return _text(facts.get("feature")) or UNLABELLED, sums


def _ending(sums: Sums, by_kind: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Whether it failed; whether the task was done, which is to answer, and to leave no effect undecided; how long it took."""
    failed = by_kind.get("failed")
    if failed and failed[-1].get("error") in _NOT_OURS:
        return
    sums |= {"ended": 1, "failed": float(bool(failed))}
    responded = by_kind.get("responded", [{}])[-1]
    abstained, undecided = bool(responded.get("abstained")), _number(responded.get("undecided")) > 0
    if not failed:
        sums["answers"] = 1
        sums["abstained"] = float(abstained)
        _took(sums, responded.get("ms"))
    sums["unsuccessful"] = float(bool(failed) or abstained or undecided)


def _support(sums: Sums, by_kind: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Sentences that claim something, and those of them that nothing cited supports; passages that were found."""
    for facts in by_kind.get("verified", ()):
        claims = _number(facts.get("claims", facts.get("sentences")))
        if claims:
            add(sums, {"claims": claims, "unsupported": max(claims - _number(facts.get("supported")), 0)})
    for facts in by_kind.get("retrieved", ()):
        add(sums, {"searches": 1, "empty": float(_number(facts.get("passages")) == 0)})


def _checks(sums: Sums, by_kind: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Whether a check found something, and whether it was in what a model made, or a check did not work: then nobody knows."""
    checked = by_kind.get("checked", ())
    hit = any(facts.get("outcome") in _FOUND for facts in checked)
    outward = any(facts.get("outcome") in _FOUND and facts.get("place") in _OUTWARD for facts in checked)
    broken = any(each for facts in checked for each in _list(facts.get("failures")))
    held = any(facts.get("error") == "blocked" for facts in by_kind.get("failed", ()))
    sums |= {"hits": float(hit or held), "unsafe": float(outward or broken)}


def _tools(sums: Sums, by_kind: Mapping[str, list[Mapping[str, Any]]]) -> None:
    for facts in by_kind.get("executed", ()):
        add(sums, {"tools": 1, "tools_failed": float(facts.get("outcome") not in ("done", "not_run"))})
    for facts in by_kind.get("decided", ()):
        add(sums, {"decisions": 1, "denied": float(facts.get("outcome") == "deny")})


def _spending(sums: Sums, called: Iterable[Mapping[str, Any]]) -> None:
    """What its calls cost and read, together: a task is a turn, whatever calls it took."""
    calls = list(called)
    if calls:
        nano = sum(_number(facts.get("nano_usd")) for facts in calls)
        count_value(sums, "cost_nano", nano)
        level(sums, "cost", nano)
        level(sums, "tokens", sum(_tokens(facts) for facts in calls))


def _took(sums: Sums, ms: object) -> None:
    took = _number(ms)
    if took > 0:
        count_value(sums, "latency_ms", took)
        level(sums, "latency", took)


def call_sums(step: ClearStep) -> list[tuple[str, Sums]]:
    """What one step comes to by itself, with the series it counts for: of a call, its model, provider and route, the key it was made with, what the cache had for
    it, and what it was decided by; of a decision or an effect, its tool; of a turn, its release; of texts that were looked at, each check."""
    facts, found = step.facts, list[tuple[str, Sums]]()
    if step.kind == "called":
        sums: Sums = {"calls": 1, "spent": _number(facts.get("nano_usd")), "tokens": _tokens(facts)}
        if facts.get("error") not in _NOT_OURS:
            sums |= {"ended": 1, "failed": float(bool(facts.get("error")))}
        timed = dict(sums)
        if not facts.get("error"):
            _took(timed, facts.get("ms"))
        counted: Sums = {"calls": 1}
        of = {"model": timed, "provider": timed, "route": timed, "key": sums, "feature": sums}
        for kind, each in (of | {"cache": counted, "config": counted, "prices": counted}).items():
            if text := _text(facts.get(kind)):
                found.append((f"{'spender' if kind == 'feature' else kind}:{text}", each))
    elif step.kind == "executed" and (tool := _text(facts.get("tool"))):
        failed = float(facts.get("outcome") not in ("done", "not_run"))
        found.append((f"tool:{tool}", {"tools": 1, "tools_failed": failed}))
    elif step.kind == "decided":
        found += _decision(facts)
    elif step.kind == "checked":
        found += _findings(facts)
    elif step.kind == "admitted" and (release := _text(facts.get("release"))):
        found.append((f"release:{release[:64]}", {"turns": 1}))
    return found


def _decision(facts: Mapping[str, Any]) -> Iterator[tuple[str, Sums]]:
    """What policy said of a call of a tool; and, where it did not let it be, by which rules."""
    outcome = _text(facts.get("outcome"))
    said = {"denied": float(outcome == "deny"), "asked": float(outcome == "ask")}
    if tool := _text(facts.get("tool")):
        yield f"tool:{tool}", {"decisions": 1, **said}
    if any(said.values()):
        for rule in filter(None, map(_text, _list(facts.get("policies")))):
            yield f"rule:{rule}", said


def _findings(facts: Mapping[str, Any]) -> Iterator[tuple[str, Sums]]:
    """Of each check, at the place where it looked: how often it did, what it made of it, and whether it broke."""
    place = _text(facts.get("place")) or "text"
    outcomes, failures = _list(facts.get("outcomes")), _list(facts.get("failures"))
    for number, name in enumerate(_list(facts.get("checks"))):
        sums: Sums = {f"{place}.looked": 1}
        if number < len(outcomes) and outcomes[number] in _FOUND:
            sums[f"{place}.{outcomes[number]}"] = 1
        if number < len(failures) and failures[number]:
            sums[f"{place}.broken"] = 1
        if text := _text(name):
            yield f"check:{text}", sums


def is_bad(objective: Objective, sums: Mapping[str, float]) -> bool:
    """Whether a turn with these sums departs from an objective."""
    return events(objective, sums).bad > 0


def _tokens(facts: Mapping[str, Any]) -> float:
    return _number(facts.get("input_tokens")) + _number(facts.get("output_tokens"))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
