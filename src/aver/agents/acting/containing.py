"""What a model may ask for: a call that is no call of a tool, or one too many, goes no further and is told why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from aver.agents.acting.schema import problems
from aver.agents.acting.state import Action
from aver.agents.acting.types import Limits, reads_only
from aver.agents.tools import Tool
from aver.core.errors import InvalidInput
from aver.core.yaml import nearest

__all__ = ["Cause", "Refusal", "contained"]

Cause = Literal[
    "unknown_tool", "too_long", "not_json", "invalid_arguments", "repeated", "undecided", "stopped", "guard"
]
_RAN = frozenset({"done", "failed"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call goes no further: ``reason`` is what the model is told."""

    cause: Cause
    reason: str


def contained(
    action: Action, tools: Mapping[str, Tool], earlier: Iterable[Action], limits: Limits
) -> Mapping[str, Any] | Refusal:
    """The arguments of a call of a tool that there is, that fit its schema, and that was not made too often before."""
    tool = tools.get(action.tool)
    if tool is None:
        hint = nearest(action.tool[:100], tools)
        return Refusal("unknown_tool", f"There is no tool {action.tool[:60]!r}. {hint}")
    arguments = _read(action.written, limits)
    if isinstance(arguments, Refusal):
        return arguments
    try:
        wrong = problems(tool.parameters, arguments)
    except InvalidInput as error:
        return Refusal("invalid_arguments", f"The tool itself is declared wrongly: {error.cause}")
    if wrong:
        return Refusal("invalid_arguments", f"The arguments do not fit the tool's schema: {'; '.join(wrong)}")
    return _repeated(tool, arguments, earlier, limits) or arguments


def _read(written: str, limits: Limits) -> Mapping[str, Any] | Refusal:
    if len(written) > limits.argument_characters:
        most = limits.argument_characters
        return Refusal("too_long", f"The arguments have {len(written):,} characters, and at most {most:,} are taken.")
    try:
        arguments = orjson.loads(written or "{}")
    except orjson.JSONDecodeError as error:
        return Refusal("not_json", f"The arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        return Refusal("not_json", "The arguments are no JSON object.")
    return arguments


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
