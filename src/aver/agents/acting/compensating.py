"""Taking back what can be taken back, last first, when a turn is aborted. As durable as the effects themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.agents.acting.executing import bring_about, settle
from aver.agents.acting.running import Running
from aver.agents.acting.state import Action
from aver.agents.acting.types import Compensation
from aver.core.errors import InvalidInput

__all__ = ["compensate"]


async def compensate(running: Running) -> None:
    """Find out what became of what was under way, then call the compensation of every effect that was brought about and declares one, in
    reverse order. What cannot be taken back is recorded with the reason. Raises :class:`~aver.core.errors.Stopped` while something is stopped; it then goes on later."""
    state = running.state
    for action in state.actions():
        if action.status == "intended":
            await settle(running, action)
    for action in reversed(list(state.actions())):
        tool = running.tools.get(action.tool)
        if action.status != "done" or action.id in state.impossible:
            continue
        back = state.compensations.get(action.id)
        if back is None and (tool is None or tool.annotations.reversal != "compensable"):
            continue
        if back is None:
            found = _compensation(running, action)
            if found.impossible:
                facts = {"action": action.id, "compensates": action.id, "tool": running.name(found.tool)}
                body = {"reason": found.impossible, "value": None, "text": "", "readers": None}
                record = {**facts, "outcome": "impossible", "characters": 0, "ms": 0.0}
                await running.record([running.draft("executed", record, body)])
                continue
            back = Action(f"{action.id}.back", found.tool, "", arguments=found.arguments)
        if not back.settled:
            await bring_about(running, back, action.id)


def _compensation(running: Running, action: Action) -> Compensation:
    """The call that takes ``action`` back. Its arguments are those of the same names in what the action returned, else in what it was
    given: ``cancel_event(id)`` takes the ``id`` that ``create_event`` returned. No model has a say in it."""
    name = running.tools[action.tool].annotations.compensation or ""
    tool = running.tools.get(name)
    if tool is None:
        return Compensation(name, {}, "The tool that takes it back is not there.")
    given: dict[str, Any] = dict(action.arguments or {})
    if isinstance(action.value, Mapping):
        given |= action.value
    arguments = {each: given[each] for each in tool.parameters.get("properties", {}) if each in given}
    try:
        wrong = running.schema(tool).problems(arguments)
    except InvalidInput as error:
        wrong = [error.cause]
    if wrong:
        return Compensation(name, {}, f"What takes it back cannot be called: {'; '.join(wrong)}")
    return Compensation(name, arguments)
