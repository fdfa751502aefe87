"""What a model may ask for: a call that is no call of a tool, or one too many, goes no further and is told why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from aver.agents.acting.state import Action
from aver.agents.acting.types import Limits, reads_only
from aver.agents.tools import Tool
from aver.agents.tools.schema import Schema
from aver.core.yaml import nearest

__all__ = ["Cause", "Refusal", "fitting", "read_arguments"]

Cause = Literal[
    "unknown_tool", "too_long", "not_json", "invalid_arguments", "repeated", "undecided", "stopped", "guard"
]
_MOST_VALUES = 1000
_DEEPEST = 32
_MARK, _ESCAPED = "\ue000", r"\ue000"
"""What spotlighting puts between words, which a model may copy with them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call goes no further: ``reason`` is what the model is told."""

    cause: Cause
    reason: str


def read_arguments(action: Action, tools: Mapping[str, Tool], limits: Limits) -> Mapping[str, Any] | Refusal:
    """The arguments as the model wrote them, of a call of a tool that there is."""
    if action.tool not in tools:
        hint = nearest(action.tool[:100], tools)
        return Refusal("unknown_tool", f"There is no tool {action.tool[:60]!r}. {hint}")
    if len(action.written) > limits.argument_characters:
        size, most = len(action.written), limits.argument_characters
        return Refusal("too_long", f"The arguments have {size:,} characters, and at most {most:,} are taken.")
    try:
        arguments = orjson.loads(action.written.replace(_MARK, " ").replace(_ESCAPED, " ") or "{}")
    except orjson.JSONDecodeError as error:
        return Refusal("not_json", f"The arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        return Refusal("not_json", "The arguments are no JSON object.")
    if _is_unwieldy(arguments):
        bounds = f"more than {_MOST_VALUES:,} values, or are nested more than {_DEEPEST} deep"
        return Refusal("too_long", f"The arguments hold {bounds}.")
    return arguments


def fitting(
    tool: Tool, schema: Schema, arguments: Mapping[str, Any], earlier: Iterable[Action], limits: Limits
) -> Refusal | None:
    """Why ``arguments`` are none of the tool's, or the call was made too often before."""
    declared = schema.rules
    wrong = schema.problems(arguments)
    if not wrong and not declared.keys() & {"additionalProperties", "patternProperties", "unevaluatedProperties"}:
        # A schema that is silent about other names does not mean that a tool has a use for them.
        known = _names(declared)
        wrong = [f"there is no {name[:60]!r}" for name in arguments if known is not None and name not in known][:5]
    if wrong:
        return Refusal("invalid_arguments", f"The arguments do not fit the tool's schema: {'; '.join(wrong)}")
    return _repeated(tool, arguments, earlier, limits)


def _is_unwieldy(arguments: Mapping[str, Any]) -> bool:
    """Whether there is more in them than a person could look through, and policy within the time it has."""
    pending: list[tuple[Any, int]] = [(arguments, 0)]
    count = 0
    while pending:
        value, depth = pending.pop()
        count += 1
        if count > _MOST_VALUES or depth > _DEEPEST:
            return True
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        pending += [(each, depth + 1) for each in inner]
    return False


def _names(declared: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The arguments that a schema declares; nothing where it says so in other ways than by ``properties`` alone."""
    if declared.keys() & {"$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"}:
        return None
    names: Mapping[str, Any] = declared.get("properties", {})
    return names


def _repeated(tool: Tool, arguments: Mapping[str, Any], earlier: Iterable[Action], limits: Limits) -> Refusal | None:
    same = [each for each in earlier if each.tool == tool.name and each.arguments == arguments]
    if not reads_only(tool.annotations):
        if any(each.status == "undecided" for each in same):
            return Refusal("undecided", "It is not known whether this was done before, so it is not done again.")
        if any(each.status == "done" for each in same):
            return Refusal("repeated", "This was done already in this turn, and is not done twice.")
        if any(not each.settled for each in same):
            return Refusal("repeated", "This is asked for already.")
    if len(same) >= limits.repeats:
        return Refusal("repeated", f"This call was made {len(same)} times with the same arguments. Do something else.")
    return None
