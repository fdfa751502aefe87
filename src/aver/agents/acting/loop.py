"""The loop: ask the model, do what it asks for as far as that is allowed, show it what came of it, until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Update, func, select, update

from aver.agents.acting.compensating import compensate
from aver.agents.acting.deciding import decide, decide_again
from aver.agents.acting.executing import bring_about, read_all
from aver.agents.acting.parts import parts_to_json
from aver.agents.acting.running import Running
from aver.agents.acting.schema import problems
from aver.agents.acting.speaking import request
from aver.agents.acting.state import Action, Reply
from aver.agents.acting.store import acting, approvals
from aver.agents.acting.types import reads_only
from aver.agents.blocking import whole
from aver.agents.types import TurnStatus
from aver.core.errors import AverError, ContentFiltered, InvalidInput, LimitReached, ProviderError, Stopped
from aver.evidence import Draft
from aver.evidence.facts import clear_name
from aver.evidence.rows import head_of
from aver.gateway import Call, CallRecord, ChatRequest, Completion
from aver.gateway.types import Part, Text, ToolCall

__all__ = ["abort", "go_on"]

T = TypeVar("T")

_LOOKS = 0.25
"""Seconds between looks for whether to go on, while a model or a reading tool is at work."""
_FRUITLESS = 3
"""Replies in a row of which no call could be made; then the model is asked to sum up."""
_SHAPES = 3
"""Attempts at an answer that is one."""
_LONGEST_TEXT = 200_000
_DONE = frozenset({"done", "failed"})


class _Ends(Exception):
    """The turn is to be aborted, for the error it carries."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug


async def go_on(running: Running) -> None:
    """Go on with a turn until it has ended or waits for a person. Whatever step it was cut off at, it goes on at that step.

    Raises :class:`~aver.core.errors.Conflict` when another process took the turn over, and
    :class:`~aver.core.errors.Unavailable` when what happens cannot be recorded, or an aborted turn may not take back its effects yet;
    it then goes on later.
    """
    renewing = asyncio.ensure_future(_renew(running))
    try:
        while not running.state.ended:
            if running.state.error:
                await compensate(running)
                await _fail(running, running.state.error, running.state.detail)
            elif await _step(running):
                return
    finally:
        renewing.cancel()


async def _step(running: Running) -> bool:
    """One arrow of the picture; whether the turn now waits for a person."""
    try:
        last = running.state.last
        if running.state.answer is not None:
            await _seal(running)
            return False
        await whole(_may_go_on, running)
        if last is None or _answered(last):
            _within_limits(running)
            await _plan(running)
        elif any(action.status == "proposed" for action in last.actions):
            await decide(running)
        elif last.actions:
            return await _act(running, last)
        else:
            await _respond(running, last)
    except _Ends as end:
        await abort(running, end.slug, str(end))
    except Exception as error:
        if isinstance(error, AverError) and not isinstance(error, InvalidInput):
            raise
        # A defect, of a tool, a model or Aver itself: gone on with, it would only happen again.
        await abort(running, "internal-error", type(error).__name__)
    return False


async def abort(running: Running, error: str, detail: str) -> None:
    """Record that the turn will not be brought to its end. Nobody is asked any more."""
    turn = running.state.turn
    facts = {"error": error, "done": sum(action.status == "done" for action in running.state.actions())}
    mine = (approvals.c.turn == turn, approvals.c.status == "pending")
    withdraw = update(approvals).where(*mine).values(status="withdrawn")
    aborted = running.draft("aborted", facts, {"detail": detail})
    await running.record([aborted], partial(_run, withdraw))


def _answered(reply: Reply) -> bool:
    """Whether the model can be told what came of its reply."""
    return bool(reply.note or reply.surplus or reply.actions) and all(action.settled for action in reply.actions)


def _may_go_on(running: Running) -> None:
    """Raise where the turn is cancelled, or where something it needs is stopped. Blocking."""
    if running.parts.journal.cancelled(running.state.turn):
        raise _Ends("cancelled", "It was cancelled.")
    try:
        running.stopped("")
    except Stopped as error:
        raise _Ends(error.slug, f"{error.cause}.") from error


def _within_limits(running: Running) -> None:
    state, limits = running.state, running.parts.agent.limits
    for spent, most, what in (
        (len(state.replies), limits.steps, "replies of the model"),
        (state.seconds, limits.seconds, "seconds of work"),
        (state.tokens, limits.tokens, "tokens"),
        (state.nano_usd / 1e9, limits.nano_usd / 1e9, "US dollars"),
    ):
        if spent >= most:
            raise _Ends(LimitReached.slug, f"It may take {most:g} {what}, and they are used up.")
    if len(state.replies) >= _SHAPES and all(reply.note and not reply.actions for reply in state.replies[-_SHAPES:]):
        raise _Ends(ProviderError.slug, f"The model gave no answer in {_SHAPES} attempts. {state.replies[-1].note}")


async def _plan(running: Running) -> None:
    """Ask the model, and record what it wrote with what that cost."""
    state, agent = running.state, running.parts.agent
    if state.last is None:
        await _look_at_task(running)
    last = len(state.replies) + 1 == agent.limits.steps or _fruitless(state.replies)
    tools = [tool for tool in running.tools.values() if not await whole(_is_stopped, running, tool.name)]
    shape = state.output is not None and state.last is not None and bool(state.last.note)
    chat = request(agent, state, tools, last=last, shape=shape)
    records: list[CallRecord] = []
    clock = running.parts.journal.clock
    began = clock.monotonic()
    left = agent.limits.seconds - state.seconds
    try:
        completion = await _watched(running, running.parts.model.complete(_call(running, chat, records)), left)
    except (_Ends, AverError) as error:
        ms = round((clock.monotonic() - began) * 1000, 1)
        await running.record([_called(running, record) for record in records])
        if isinstance(error, AverError):
            raise _Ends(error.slug, f"{error.cause}. After {ms / 1000:.1f} seconds.") from error
        raise
    ms = round((clock.monotonic() - began) * 1000, 1)
    generated = _generated(running, completion, records, ms, bare=last or shape)
    await running.record([*(_called(running, each) for each in records), generated])


async def _look_at_task(running: Running) -> None:
    looked, drafts = await running.check("input", running.state.task)
    if drafts:
        await running.record(drafts)
    if looked.outcome == "block":
        raise _Ends(ContentFiltered.slug, f"A check of the request refuses it: {looked.reason}.")


def _is_stopped(running: Running, tool: str) -> bool:
    try:
        running.stopped(tool)
    except Stopped:
        return True
    return False


def _fruitless(replies: Sequence[Reply]) -> bool:
    recent = [reply for reply in replies[-_FRUITLESS:] if reply.actions]
    return len(recent) == _FRUITLESS and not any(action.status in _DONE for reply in recent for action in reply.actions)


def _call(running: Running, chat: ChatRequest, records: list[CallRecord]) -> Call:
    return Call(
        running.principal,
        running.parts.agent.model,
        lambda _, record: records.append(record),
        lambda: chat,
        feature=running.parts.agent.name,
        turn=running.state.turn,
        release=running.parts.agent.digest(list(running.tools.values())),
        no_store=True,
    )


def _called(running: Running, record: CallRecord) -> Draft:
    return running.draft("called", record.facts(), record.body())


def _generated(
    running: Running, completion: Completion, records: Sequence[CallRecord], ms: float, *, bare: bool
) -> Draft:
    """A reply as it is recorded; of one that was asked for ``bare``, without tools, no call is taken."""
    limits = running.parts.agent.limits
    calls = [part for part in completion.parts if isinstance(part, ToolCall) and not bare]
    kept = calls[: limits.calls]
    surplus, note = len(calls) - len(kept), ""
    parts: list[Part] = [part for part in completion.parts if not isinstance(part, ToolCall)]
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
    return running.draft("generated", facts, {"parts": parts_to_json(parts), "note": note})


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
        wrong = problems(state.output, orjson.loads(completion.text))
    except orjson.JSONDecodeError as error:
        wrong = [f"it is not JSON ({error})"]
    return f"The answer does not fit its schema: {'; '.join(wrong)}" if wrong else ""


async def _watched(running: Running, work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Do ``work`` that changes nothing, and leave it as soon as the turn is not to go on, or its time is up."""
    task = asyncio.ensure_future(work)
    clock = running.parts.journal.clock
    until = clock.monotonic() + seconds
    try:
        while not (await asyncio.wait({task}, timeout=_LOOKS))[0]:
            await whole(_may_go_on, running)
            if clock.monotonic() >= until:
                raise _Ends(LimitReached.slug, "The time for it is used up.")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _act(running: Running, reply: Reply) -> bool:
    """Bring the calls of a reply to their ends, in their order; neighbours that only read, at once. Whether a person is waited for."""
    for action in reply.actions:
        if action.settled:
            continue
        if action.status == "waiting":
            return await _wait(running)
        if action.status == "approved" and not action.asked_again:
            await decide_again(running, action)
            return False
        reads = _reads(running, reply.actions[reply.actions.index(action) :])
        if reads:
            left = running.parts.agent.limits.seconds - running.state.seconds
            await _watched(running, read_all(running, reads), left)
        else:
            await bring_about(running, action)
        return False
    return False


def _reads(running: Running, actions: Sequence[Action]) -> list[Action]:
    """The calls at the beginning of ``actions`` that may be made and only read."""
    found = []
    for action in actions:
        if action.settled:
            continue
        tool = running.tools.get(action.tool)
        allowed = action.status == "allowed" or (action.status == "approved" and action.asked_again)
        if tool is None or not allowed or not reads_only(tool.annotations):
            break
        found.append(action)
    return found


async def _wait(running: Running) -> bool:
    """Let the turn wait, unless somebody has answered meanwhile. Either way, go by what is recorded."""
    journal, turn = running.parts.journal, running.state.turn
    waits = False

    def rest(tx: Connection) -> None:
        nonlocal waits
        pending = select(func.count()).where(approvals.c.turn == turn, approvals.c.status == "pending")
        waits = tx.execute(pending).scalar_one() == len(running.state.approvals)
        if waits:
            mine = (acting.c.turn == turn, acting.c.cancelled == 0)
            waits = tx.execute(update(acting).where(*mine).values(status="waiting")).rowcount == 1

    await running.record([], rest)
    if not waits:
        running.state = await whole(journal.read, turn)
    return waits


async def _respond(running: Running, reply: Reply) -> None:
    """The last reply is the answer: check it, record it."""
    state = running.state
    text = "".join(part.text for part in reply.parts if isinstance(part, Text))[:_LONGEST_TEXT]
    looked, drafts = await running.check("output", text)
    if looked.outcome == "block":
        await running.record(drafts)
        raise _Ends(ContentFiltered.slug, f"A check of the answer withholds it: {looked.reason}.")
    body: dict[str, Any] = {"text": looked.text}
    if state.output is not None:
        try:
            body["output"] = orjson.loads(looked.text)
        except orjson.JSONDecodeError:
            await running.record(drafts)
            raise _Ends(ContentFiltered.slug, "What a check redacted left no structured answer.") from None
    counts = {
        "done": sum(action.status == "done" for action in state.actions()),
        "undecided": sum(action.status == "undecided" for action in state.actions()),
        "characters": len(looked.text),
        "ms": round(state.seconds * 1000, 1),
    }
    await running.record([*drafts, running.draft("responded", counts, body)])


async def _seal(running: Running) -> None:
    """Close the turn. Nothing is taken back: it was brought to its end."""
    parts, state = running.parts, running.state
    journal = parts.journal

    def close(tx: Connection) -> None:
        seal = head_of(tx, journal.store.tenant.id)  # the step that was appended just before
        parts.conversations.end(tx, state.turn, "sealed", seal.seq)

    sealed = running.draft("sealed", {"ms": round(state.seconds * 1000, 1)})
    await running.record([sealed], close, status="ended", holder="")


async def _fail(running: Running, error: str, detail: str) -> None:
    """The last step of a turn that was aborted."""
    state = running.state
    effects = list(state.actions())
    backs = state.compensations.values()
    facts = {
        "error": error,
        "done": sum(action.status == "done" for action in effects),
        "undone": sum(action.status == "done" for action in backs),
        "undecided": sum(action.status == "undecided" for action in (*effects, *backs)),
        "ms": round(state.seconds * 1000, 1),
    }
    status: TurnStatus = "cancelled" if error == "cancelled" else "failed"
    await running.record(
        [running.draft("failed", facts, {"detail": detail})],
        lambda tx: running.parts.conversations.end(tx, state.turn, status),
        status="ended",
        holder="",
    )


def _run(statement: Update, tx: Connection) -> None:
    tx.execute(statement)


async def _renew(running: Running) -> None:
    """Hold the lease for as long as the turn is run. Once it is lost nothing can be recorded, which ends the run."""
    journal = running.parts.journal
    while True:
        await asyncio.sleep(journal.seconds / 3)
        with suppress(AverError):
            await whole(journal.renew, running.lease)
