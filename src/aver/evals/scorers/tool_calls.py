"""Whether the right tools were called, with the right arguments, in the right order or in any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, rate
from aver.evals.types import Called, Case, Response
from aver.gateway.config.shapes import Choice, Field
from aver.gateway.config.words import record

__all__ = ["END_STATE", "TOOL_CALLS", "contained"]


@dataclass(frozen=True, slots=True)
class ToolCalls:
    order: str = "exact"
    arguments: str = "exact"


def _make(settings: ToolCalls, means: Means) -> Judge:
    del means

    def judge(case: Case, response: Response) -> Score:
        if case.calls is None or response.calls is None:
            return NOTHING
        wanted, made = case.calls, response.calls
        if all(each.done for each in wanted):
            # What was held back by policy did not happen; what is expected to be held back is compared as it was wanted.
            made = tuple(each for each in made if each.done)
        pairs = _paired(wanted, made, settings)
        right = sum(_same(one, other, settings) for one, other in pairs)
        same = right == len(wanted) == len(made)
        if settings.order == "exact":
            same = same and all(_same(one, other, settings) for one, other in zip(wanted, made, strict=True))
        found = {"tool_calls": rate(same)}
        if wanted:
            found["tool_recall"] = float(len(pairs)), float(len(wanted))
        if made:
            found["tool_precision"] = float(len(pairs)), float(len(made))
        if pairs:
            found["tool_arguments"] = float(right), float(len(pairs))
        return found, "" if same else f"called {_said(made)} where {_said(wanted)} is expected"

    return judge


def _paired(wanted: Sequence[Called], made: Sequence[Called], settings: ToolCalls) -> list[tuple[Called, Called]]:
    """Each expected call with one that was made of the same tool, with the same arguments where there is one."""
    left = list(made)
    pairs: list[tuple[Called, Called]] = []
    rest: list[Called] = []
    for each in wanted:
        same = next((other for other in left if _same(each, other, settings)), None)
        if same is None:
            rest.append(each)
        else:
            left.remove(same)
            pairs.append((each, same))
    for each in rest:
        other = next((other for other in left if other.tool == each.tool), None)
        if other is not None:
            left.remove(other)
            pairs.append((each, other))
    return pairs


def _same(wanted: Called, made: Called, settings: ToolCalls) -> bool:
    if wanted.tool != made.tool or (wanted.decision, wanted.done) != (made.decision, made.done):
        return False
    if settings.arguments == "ignored":
        return True
    compare = contained if settings.arguments == "subset" else _equal
    return compare(wanted.arguments, made.arguments)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(each, other[name]) for name, each in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def contained(wanted: Any, given: Any) -> bool:
    """Whether all of ``wanted`` is in ``given``: names that a mapping has besides do not count, lists are compared as wholes."""
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        return all(name in given and contained(each, given[name]) for name, each in wanted.items())
    return _equal(wanted, given)


def _said(calls: Sequence[Called]) -> str:
    return ", ".join(each.tool for each in calls) or "nothing"


TOOL_CALLS = Kind(
    "tool_calls",
    "the expected tools were called with the expected arguments, and no others",
    ("tool_calls", "tool_precision", "tool_recall", "tool_arguments"),
    _make,
    record(
        ToolCalls,
        order=Field(Choice("order", ("exact", "any")), "Whether the order of calls counts."),
        arguments=Field(
            Choice("comparison", ("exact", "subset", "ignored")), "All arguments, those that are expected, or none."
        ),
    ),
    ToolCalls(),
)


@dataclass(frozen=True, slots=True)
class EndState:
    match: str = "subset"


def _state(settings: EndState, means: Means) -> Judge:
    del means
    compare = contained if settings.match == "subset" else _equal

    def judge(case: Case, response: Response) -> Score:
        if case.state is None:
            return NOTHING
        right = compare(case.state, response.state)
        return {"end_state": rate(right)}, "" if right else "the end state is not what is expected"

    return judge


END_STATE = Kind(
    "end_state",
    "what is true afterwards is what is expected",
    ("end_state",),
    _state,
    record(
        EndState, match=Field(Choice("comparison", ("exact", "subset")), "All of the state, or what is expected of it.")
    ),
    EndState(),
)
