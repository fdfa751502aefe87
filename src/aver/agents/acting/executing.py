"""Calling tools so that no effect is brought about twice: what is intended is recorded before, what came of it after.

A process that finds an intention without an outcome cannot know whether the effect happened. It asks the tool where the tool can tell,
calls again under the same key where the far side brings about one effect for a key, and else says that it is undecided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aver.agents.acting.running import Running
from aver.agents.acting.showing import kept_value
from aver.agents.acting.state import Action
from aver.agents.acting.types import Idempotent, TellsApart, ToolStatus, reads_only
from aver.agents.blocking import whole
from aver.agents.tools import Result, Tool
from aver.agents.tools.text import present
from aver.core.errors import AverError, Conflict, InvalidInput, Stopped, Unavailable
from aver.core.labels import ANYTHING, Label, combined
from aver.evidence import Draft

__all__ = ["bring_about", "read_all", "settle"]

_ATTEMPTS = 3
"""Of one effect under one key."""
_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class _Came:
    """What a call came to."""

    status: ToolStatus
    reason: str = ""
    result: Result | None = None
    ms: float = 0.0


async def read_all(running: Running, actions: Sequence[Action]) -> None:
    """Make calls that only read, at once, and record what they return. Nothing is intended: after a crash they are made again."""
    came = await asyncio.gather(*(_read(running, action) for action in actions))
    drafts: list[Draft] = []
    for action, each in zip(actions, came, strict=True):
        drafts += await _executed(running, action, each)
    await running.record(drafts)
    for action in actions:
        await whole(running.learn, action)


async def _read(running: Running, action: Action) -> _Came:
    try:
        await whole(running.stopped, action.tool)
    except Stopped as error:
        return _Came("not_run", f"{error.cause}.")
    came = await _called(running, running.tools[action.tool], action)
    return _Came("failed", came.reason, ms=came.ms) if came.status in ("undecided", "not_run") else came


async def bring_about(running: Running, action: Action, compensates: str = "") -> None:
    """Have one effect, at most once ever, and record what came of it. Goes on from where another process was cut off.

    Raises :class:`~aver.core.errors.Stopped` where something that holds the whole turn is stopped, before anything is intended.
    """
    tool = running.tools.get(action.tool)
    if tool is None and action.status == "intended":
        await _finish(running, action, await _found_out(running, action), compensates)
    elif tool is None:
        await _finish(running, action, _Came("not_run", "The tool is not there any more."), compensates)
    elif action.status == "intended":
        await _resolve(running, tool, action, compensates)
    else:
        await _attempt(running, tool, action, compensates)
    if not compensates:
        await whole(running.learn, action)


async def _attempt(running: Running, tool: Tool, action: Action, compensates: str) -> None:
    """Intend, call, record; again under the same key where that is safe: where the far side brings about one effect for it, and to take
    something back, where the attempt certainly did not run."""
    idempotent = isinstance(tool, Idempotent) and tool.idempotent
    doubt = action.attempts > 0
    """Whether an attempt before this may have run."""
    while True:
        try:
            await whole(running.stopped, tool.name)
        except Stopped as error:
            if compensates:
                raise  # it is taken back once it may be
            came = _Came("undecided" if doubt else "not_run", f"{error.cause}.")
            break
        action = await _intend(running, action, compensates)
        came = await _called(running, tool, action)
        if came.status == "not_run" and doubt:
            came = replace(came, status="undecided")
        doubt = doubt or came.status == "undecided"
        again = idempotent if came.status == "undecided" else came.status == "not_run" and bool(compensates)
        if not again or action.attempts >= _ATTEMPTS or running.left:
            break
    await _finish(running, action, came, compensates)
    if running.left:
        raise asyncio.CancelledError


async def _intend(running: Running, action: Action, compensates: str) -> Action:
    """Record that the call is about to be made. Raises :class:`Conflict` where this process may have lost the turn meanwhile."""
    facts = {
        "action": action.id,
        "tool": running.name(action.tool),
        "key": action.key(running.state.turn),
        "attempt": action.attempts + 1,
        "compensates": compensates or None,
    }
    body = {"tool": action.tool, "arguments": dict(action.arguments or {})}
    await running.record([running.draft("intended", facts, body)])
    if not running.lease.sure:
        raise Conflict("This process was away for longer than it holds the turn", "Ask how the turn stands.")
    # What takes an effect back is made by what was just recorded, the first time.
    return running.state.compensations[compensates] if compensates else action


async def settle(running: Running, action: Action) -> None:
    """Record what became of an effect that was intended before its turn was aborted, as far as anybody can tell. It is not brought about
    any more."""
    await _finish(running, action, await _found_out(running, action), "")
    await whole(running.learn, action)


async def _resolve(running: Running, tool: Tool, action: Action, compensates: str) -> None:
    """An effect that was intended, and of which nothing more is known."""
    again = isinstance(tool, Idempotent) and tool.idempotent and not isinstance(tool, TellsApart)
    if again and action.attempts < _ATTEMPTS:
        await _attempt(running, tool, action, compensates)
    else:
        await _finish(running, action, await _found_out(running, action), compensates)


async def _found_out(running: Running, action: Action) -> _Came:
    """What its tool can tell of an effect that a process was cut off at."""
    tool = running.tools.get(action.tool)
    if tool is None:
        return _Came("undecided", "The process was cut off, and the tool is not there any more.")
    if not isinstance(tool, TellsApart):
        return _Came("undecided", "The process was cut off while it was done.")
    try:
        async with asyncio.timeout(running.parts.agent.limits.tool_seconds):
            found = await tool.look_up(action.key(running.state.turn))
            return _came_of(found) if found else _Came("not_run", "The process was cut off before it ran.")
    except Exception as error:  # noqa: BLE001 - whatever keeps the far side from telling, it has not told
        return _Came("undecided", f"The process was cut off, and the tool could not tell: {_said(error)}.")


async def _called(running: Running, tool: Tool, action: Action) -> _Came:
    """One call, within the time for it. An effect is never cut short by anything but that time: whoever stops or cancels the turn waits
    for what is under way, since cutting it would only leave it undecided. Whoever called leaves once its outcome is recorded."""
    clock, limits = running.parts.journal.clock, running.parts.agent.limits
    began = clock.monotonic()
    call = asyncio.ensure_future(_timed(tool, action, running.state.turn, limits.tool_seconds))
    try:
        came = await asyncio.shield(call)
    except asyncio.CancelledError:
        if reads_only(tool.annotations):
            call.cancel()
            raise
        running.left = True
        await asyncio.wait({call})
        came = call.result()
    return _Came(came.status, came.reason, came.result, round((clock.monotonic() - began) * 1000, 1))


async def _timed(tool: Tool, action: Action, turn: str, seconds: float) -> _Came:
    """Nobody waits longer than the time for it, not even for a tool that does not let itself be cancelled."""
    call = asyncio.ensure_future(_outcome(tool, action, turn))
    try:
        if (await asyncio.wait({call}, timeout=seconds))[0]:
            return call.result()
        return _Came("undecided", f"It did not return within {seconds:g} seconds.")
    finally:
        call.cancel()


async def _outcome(tool: Tool, action: Action, turn: str) -> _Came:
    try:
        return _came_of(await tool.call(dict(action.arguments or {}), action.key(turn)))
    except (Unavailable, InvalidInput) as error:
        return _Came("not_run", _said(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a tool may raise anything; whatever it is, it may have run
        return _Came("undecided", _said(error))


def _came_of(result: Any) -> _Came:
    """Raises :class:`TypeError` for what is no result, whatever a tool says it returns."""
    if not (isinstance(result, Result) and isinstance(result.text, str)):
        raise TypeError
    if result.readers is not None and not all(isinstance(each, str) for each in result.readers):
        raise TypeError
    if not isinstance(result.label, Label):
        raise TypeError
    return _Came("failed" if result.failed else "done", result=result)


def _said(error: BaseException) -> str:
    """Of an error: what people are told of one of Aver's, of any other only its kind."""
    return error.cause if isinstance(error, AverError) else type(error).__name__


async def _finish(running: Running, action: Action, came: _Came, compensates: str) -> None:
    await running.record(await _executed(running, action, came, compensates))


async def _executed(running: Running, action: Action, came: _Came, compensates: str = "") -> list[Draft]:
    """What came of a call, as steps: its value, which no model sees, and its text as guardrails leave it, which one does."""
    most = running.parts.agent.limits.result_characters
    text, value, readers, reason = "", None, None, present(came.reason, _LONGEST_REASON)
    label = _label(running, action, came)
    came = _kept_here(running, came, label)
    drafts: list[Draft] = []
    if came.result is not None:
        value = kept_value(came.result.value, most)
        readers = None if came.result.readers is None else sorted(came.result.readers)
        text = present(came.result.text, most)
        looked, drafts = await running.check("result", text)
        text = f"[withheld: {looked.reason}]" if looked.outcome == "block" else looked.text
    facts: dict[str, Any] = {
        "action": action.id,
        "tool": running.name(action.tool),
        "outcome": came.status,
        "characters": len(came.result.text) if came.result else 0,
        "compensates": compensates or None,
        "ms": came.ms,
    }
    body: dict[str, Any] = {"reason": reason, "value": value, "text": text, "readers": readers}
    if label != ANYTHING:
        facts |= label.facts()
        body["label"] = label.plain()
    return [*drafts, running.draft("executed", facts, body)]


def _label(running: Running, action: Action, came: _Came) -> Label:
    """Of what a call came to, also where it says what went wrong: what its tool declares and what came with the result."""
    tool = running.tools.get(action.tool)
    returned = came.result.label if came.result is not None else ANYTHING
    return combined((action.declared_label, tool.annotations.label if tool is not None else ANYTHING, returned))


def _kept_here(running: Running, came: _Came, label: Label) -> _Came:
    """What came of a call, without what may not be kept where this installation is."""
    here = running.parts.region
    if came.result is None or not here or label.regions is None or here in label.regions:
        return came
    where = ", ".join(sorted(label.regions)) or "no region at all"
    said = f"[withheld: it may be kept in {where}, and this installation is in {here}]"
    return replace(came, result=replace(came.result, value=None, text=said))
