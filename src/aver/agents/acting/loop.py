"""The loop: ask the model, do what it asks for as far as that is allowed, show it what came of it, until it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Update, func, select, update

from aver.agents.acting.bounds import Ends, may_go_on, watched, within_limits
from aver.agents.acting.compensating import compensate
from aver.agents.acting.deciding import decide, decide_again
from aver.agents.acting.executing import bring_about, read_all
from aver.agents.acting.planning import plan
from aver.agents.acting.running import Running
from aver.agents.acting.state import Action, Reply
from aver.agents.acting.store import acting, approvals
from aver.agents.acting.types import reads_only
from aver.agents.blocking import whole
from aver.agents.tools.schema import Schema
from aver.agents.types import TurnStatus
from aver.core.errors import AverError, ContentFiltered, InvalidInput
from aver.evidence.rows import head_of
from aver.gateway.types import Text

__all__ = ["abort", "go_on"]

_LONGEST_TEXT = 200_000


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
        await whole(may_go_on, running)
        if last is None or _answered(last):
            within_limits(running)
            await plan(running)
        elif any(action.status == "proposed" for action in last.actions):
            await decide(running)
        elif last.actions:
            return await _act(running, last)
        else:
            await _respond(running, last)
    except Ends as end:
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
            await watched(running, read_all(running, reads), left)
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
    """The last reply is the answer: put back what the vault has of it, check it, record it."""
    state = running.state
    written = "".join(part.text for part in reply.parts if isinstance(part, Text))[:_LONGEST_TEXT]
    structured = state.output is not None
    restored = await running.guarding.restored(orjson.loads(written) if structured else written)
    looked, drafts = await running.check("output", orjson.dumps(restored).decode() if structured else restored)
    if looked.outcome == "block":
        await running.record(drafts)
        raise Ends(ContentFiltered.slug, f"A check of the answer withholds it: {looked.reason}.")
    body: dict[str, Any] = {"text": looked.text, **({"written": written} if looked.text != written else {})}
    if state.output is not None:
        try:
            body["output"] = orjson.loads(looked.text)
            fits = not looked.changed or not Schema(state.output, "The schema of the answer").problems(body["output"])
        except orjson.JSONDecodeError:
            fits = False
        if not fits:
            await running.record(drafts)
            raise Ends(ContentFiltered.slug, "What a check redacted left no structured answer.")
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
