"""Asking the model, and recording what it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from aver.agents.acting.bounds import Ends, watched
from aver.agents.acting.parts import parts_to_json
from aver.agents.acting.running import Running
from aver.agents.acting.speaking import known, request
from aver.agents.acting.state import Reply
from aver.agents.blocking import whole
from aver.agents.tools.schema import Schema
from aver.core.errors import AverError, ContentFiltered, Stopped
from aver.evidence import Draft
from aver.evidence.facts import clear_name
from aver.gateway import Call, CallRecord, ChatRequest, Completion
from aver.gateway.types import Part, Text, ToolCall

__all__ = ["plan"]

_FRUITLESS = 3
"""Replies since the last call that could be made of which none could; then the model is asked to sum up."""
_DONE = frozenset({"done", "failed"})
_LARGEST_REPLY = 1_000_000
"""Characters of a reply that are kept, calls aside."""


async def plan(running: Running) -> None:
    """Ask the model, and record what it wrote with what that cost."""
    state, agent = running.state, running.parts.agent
    if not state.looked:
        await _look(running)
    last = len(state.replies) + 1 == agent.limits.steps or _fruitless(state.replies)
    stopped = await whole(_stopped, running)
    tools = [tool for tool in running.tools.values() if tool.name not in stopped]
    shape = state.output is not None and state.last is not None and bool(state.last.note)
    chat = request(running, tools, [*stopped.values()], last=last, shape=shape)
    records: list[CallRecord] = []
    clock = running.parts.journal.clock
    began = clock.monotonic()
    left = agent.limits.seconds - state.seconds
    try:
        completion = await watched(running, running.parts.model.complete(_call(running, chat, records)), left)
    except (Ends, AverError) as error:
        ms = round((clock.monotonic() - began) * 1000, 1)
        await running.record([_called(running, record) for record in records])
        if isinstance(error, AverError):
            withheld = bool(records) and records[-1].withheld
            then = _instead(running, error, records[-1]) if withheld else f"After {ms / 1000:.1f} seconds."
            raise Ends(error.slug, f"{error.cause}. {then}") from error
        raise
    ms = round((clock.monotonic() - began) * 1000, 1)
    generated = _generated(running, completion, records, ms, [*stopped.values()], bare=last or shape)
    await running.record([*(_called(running, each) for each in records), generated])


def _instead(running: Running, error: AverError, record: CallRecord) -> str:
    """What to do where nobody may be given what the model is to be told, and which calls made it so."""
    tools = {action.id: action.tool for action in running.state.actions()}
    said = [f"{each} is a call of {tools[each]}." for each in record.label["raised_by"] if each in tools]
    return " ".join([error.next_step, *said])


async def _look(running: Running) -> None:
    """Have judged what the model is to be told at first. What is remembered and does not pass, it is not told."""
    looked, drafts = await running.check("input", running.state.task)
    if running.state.recalled:
        drafts += (await running.check("passage", known(running.state)))[1]
    if drafts:
        await running.record(drafts)
    if looked.outcome == "block":
        raise Ends(ContentFiltered.slug, f"A check of the request refuses it: {looked.reason}.")


def _stopped(running: Running) -> dict[str, str]:
    """The tools that are stopped, each with what users are told of it. Blocking."""
    found = {}
    for tool in running.tools:
        try:
            running.stopped(tool)
        except Stopped as error:
            found[tool] = f"{error.cause}."
    return found


def _fruitless(replies: Sequence[Reply]) -> bool:
    fruitless = 0
    for reply in reversed(replies):
        if any(action.status in _DONE for action in reply.actions):
            break
        fruitless += bool(reply.actions)
    return fruitless >= _FRUITLESS


def _call(running: Running, chat: ChatRequest, records: list[CallRecord]) -> Call:
    return Call(
        running.principal,
        running.parts.agent.model,
        lambda _, record: records.append(record),
        lambda: chat,
        feature=running.parts.agent.name,
        turn=running.state.turn,
        release=running.release,
        no_store=True,
        labels=running.state.labels,
    )


def _called(running: Running, record: CallRecord) -> Draft:
    return running.draft("called", record.facts(), record.body())


def _generated(
    running: Running,
    completion: Completion,
    records: Sequence[CallRecord],
    ms: float,
    stopped: Sequence[str],
    *,
    bare: bool,
) -> Draft:
    """A reply as it is recorded; of one that was asked for ``bare``, without tools, no call is taken."""
    limits = running.parts.agent.limits
    calls = [part for part in completion.parts if isinstance(part, ToolCall) and not bare]
    kept = calls[: limits.calls]
    surplus, note = len(calls) - len(kept), ""
    parts: list[Part] = list(_bounded(part for part in completion.parts if not isinstance(part, ToolCall)))
    if completion.finish == "length":
        # What was cut off may be half an argument: nothing of it is a call, and its text no answer.
        kept, surplus, note = [], 0, "Your reply was cut off at its limit. Write less at once."
    elif not calls:
        note = _unfit(running, completion)
    parts += _told_apart(running, kept)
    usage = completion.usage
    facts = {
        "provider": clear_name(completion.model or running.parts.agent.model),
        "mode": "generated",
        "finish": completion.finish,
        "calls": len(kept),
        "surplus": surplus,
        "input_tokens": usage.input_tokens if usage else 0,
        "output_tokens": usage.output_tokens if usage else 0,
        "nano_usd": sum(record.nano_usd for record in records),
        "ms": ms,
    }
    body = {"parts": parts_to_json(parts), "note": note, "stopped": list(stopped)}
    return running.draft("generated", facts, body)


def _bounded(parts: Iterable[Part]) -> Iterator[Part]:
    """Parts that hold no more than a reply may: the rest of a longer text is cut off, thoughts that are longer are left out."""
    left = _LARGEST_REPLY
    for part in parts:
        kept = Text(part.text[:left]) if isinstance(part, Text) else part
        size = len(kept.text) if isinstance(kept, Text) else len(orjson.dumps(parts_to_json([kept])))
        if 0 < size <= left:
            left -= size
            yield kept


def _told_apart(running: Running, calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls with an id of its own each, as not every model gives them; of arguments one character more than is taken, so that
    they are still refused for their length."""
    most, number = running.parts.agent.limits.argument_characters + 1, len(running.state.replies) + 1
    used = [action.call for action in running.state.actions()]
    found = []
    for at, call in enumerate(calls, 1):
        name = call.id if call.id and call.id not in used else f"call_{number}_{at}"
        used.append(name)
        found.append(ToolCall(name, call.name, call.arguments[:most], call.signature))
    return found


def _unfit(running: Running, completion: Completion) -> str:
    """What is wrong with a reply that should be the answer, for the model to mend."""
    state = running.state
    if not completion.text.strip():
        return "Your reply was empty. Answer the user, or call a tool."
    if state.output is None:
        return ""
    try:
        wrong = Schema(state.output, "The schema of the answer").problems(orjson.loads(completion.text))
    except orjson.JSONDecodeError as error:
        wrong = [f"it is not JSON ({error})"]
    return f"The answer does not fit its schema: {'; '.join(wrong)}" if wrong else ""
