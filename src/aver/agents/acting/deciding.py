"""From what a model asks for to what is done: contained, checked, decided by policy, and put before a person where policy asks."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, insert, or_, select

from aver.agents.acting.containing import Refusal, contained
from aver.agents.acting.origins import origin_to
from aver.agents.acting.running import Running
from aver.agents.acting.state import Action
from aver.agents.acting.store import acting, approvals, standing_decisions
from aver.agents.blocking import whole
from aver.agents.tools import Tool
from aver.core import canonical_json, new_id, rfc3339
from aver.core.errors import AverError, Stopped
from aver.evidence import Draft
from aver.evidence.facts import clear_name
from aver.policy import Action as Asked
from aver.policy import Decision, Origin

__all__ = ["decide", "decide_again"]

Origins = Mapping[str, Sequence[Origin]]


@dataclass(slots=True)
class _Decided:
    """What is to be recorded of one reply's calls, in one transaction."""

    drafts: list[Draft] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    actions: int = 0


async def decide(running: Running) -> None:
    """Record what becomes of every call that the last reply asks for. They are independent, since the model asked for all of them before
    it saw any result, but each is decided with those before it in its history."""
    reply = running.state.last
    assert reply is not None
    earlier = [action for action in running.state.actions() if action not in reply.actions]
    decided = _Decided()
    for action in reply.actions:
        if action.status == "proposed":
            await _one(running, action, earlier, decided)
        earlier.append(action)
    counted = {"actions": acting.c.actions + decided.actions} if decided.actions else {}
    await running.record(decided.drafts, lambda tx: _ask(tx, decided.rows), **counted)


async def decide_again(running: Running, action: Action) -> None:
    """Ask policy once more about a call that a person approved: it may have changed while they thought about it. Its *ask* was answered;
    its *deny* stands."""
    tool, arguments = running.tools.get(action.tool), action.arguments or {}
    if tool is None or isinstance(contained(action, running.tools, (), running.parts.agent.limits), Refusal):
        found: Decision = Decision("deny", "The tool has changed since it was approved, and does not take this call.")
        origins: Origins = {}
    else:
        origins = running.provenance.origins(arguments)
        found = _policy(running, tool, arguments, origins, _history(running, action))
    await running.record([_decision(running, action, arguments, found, origins, again=True)])


async def _one(running: Running, action: Action, earlier: Sequence[Action], decided: _Decided) -> None:
    arguments = await _taken(running, action, earlier, decided)
    if arguments is None:
        return
    tool, agent = running.tools[action.tool], running.parts.agent
    origins = running.provenance.origins(arguments)
    found = _policy(running, tool, arguments, origins, _history(running, action))
    aim, scope = _scopes(running, tool, arguments, origins, found)
    eyes = agent.four_eyes
    role = eyes.role if tool.annotations.effects & eyes.effects else ""
    if role and found.outcome == "allow":
        found = Decision("ask", f"{found.reason} Calls like this are approved by a second person.", found.policies)
    elif found.outcome == "ask":
        found = await whole(_stood, running, found, aim, "" if role else scope)
    decided.actions += 1
    decided.drafts.append(_decision(running, action, arguments, found, origins, again=False))
    # The state follows when all is recorded; those decided after it in this reply must know of it now.
    action.arguments = arguments
    if found.outcome == "ask":
        expires = rfc3339(running.parts.journal.clock.now() + timedelta(hours=agent.approval_hours))
        approval = new_id("approval")
        facts = {"action": action.id, "approval": approval, "tool": running.name(tool.name), "expires": expires}
        decided.drafts.append(running.draft("asked", {**facts, "role": clear_name(role) if role else None}))
        row = {
            "id": approval,
            "turn": running.state.turn,
            "action": action.id,
            "scope": scope,
            "aim": aim,
            "role": role,
        }
        owner = running.parts.journal.owner(running.principal)
        decided.rows.append({**row, "owner": owner, "status": "pending", "expires": expires})


async def _taken(
    running: Running, action: Action, earlier: Sequence[Action], decided: _Decided
) -> Mapping[str, Any] | None:
    """The arguments of a call that may go to policy; else nothing, and why."""
    found = contained(action, running.tools, earlier, running.parts.agent.limits)
    if not isinstance(found, Refusal):
        try:
            await whole(running.stopped, action.tool)
        except Stopped as error:
            found = Refusal("stopped", f"{error.cause}.")
    if not isinstance(found, Refusal):
        looked, drafts = await running.check("arguments", orjson.dumps(found).decode())
        decided.drafts += drafts
        if looked.outcome == "block":
            found = Refusal("guard", f"A check of the arguments refuses it: {looked.reason}")
    if isinstance(found, Refusal):
        facts = {"action": action.id, "tool": running.name(action.tool), "cause": found.cause}
        body = {"tool": action.tool[:200], "reason": found.reason}
        decided.drafts.append(running.draft("refused", facts, body))
        return None
    return found


def _history(running: Running, before: Action) -> tuple[str, ...]:
    """The tools whose calls came to be decided before this one, refused ones aside, oldest first."""
    names: list[str] = []
    for action in running.state.actions():
        if action is before:
            break
        if action.arguments is not None and action.status not in ("refused", "denied", "rejected", "expired"):
            names.append(action.tool)
    return tuple(names)


def _policy(
    running: Running, tool: Tool, arguments: Mapping[str, Any], origins: Origins, history: Sequence[str]
) -> Decision:
    asked = Asked(running.principal, tool.name, tool.annotations, arguments, origins, history)
    try:
        return running.parts.decide(asked)
    except Exception as error:  # noqa: BLE001 - whatever keeps policy from deciding, nothing is allowed
        cause = error.cause if isinstance(error, AverError) else type(error).__name__
        return Decision("deny", f"The policy could not be evaluated: {cause}.")


def _decision(
    running: Running, action: Action, arguments: Mapping[str, Any], found: Decision, origins: Origins, *, again: bool
) -> Draft:
    kinds = sorted({origin.kind for each in origins.values() for origin in each})
    facts = {
        "action": action.id,
        "tool": running.name(action.tool),
        "outcome": found.outcome,
        "policies": [clear_name(each) for each in found.policies][:50],
        "origins": kinds,
        "again": again,
    }
    body = {
        "arguments": dict(arguments),
        "reason": found.reason,
        "origins": {path: [origin_to(each) for each in several] for path, several in origins.items()},
    }
    return running.draft("decided", facts, body)


def _scopes(
    running: Running, tool: Tool, arguments: Mapping[str, Any], origins: Origins, found: Decision
) -> tuple[str, str]:
    """What a rejection for ever, and what an approval for the conversation would hold for: the tool aimed at the same targets; and that
    asked about by the same rules, with every argument from the same kinds of origin."""
    targets = tool.annotations.targets
    aimed = [[path, _at(arguments, path)] for path in sorted(targets)] if targets else dict(arguments)
    kinds = {path: sorted({origin.kind for origin in several}) for path, several in origins.items()}
    # Positions in lists are not told apart: one guest more is not another reason to ask.
    merged: dict[str, list[str]] = {}
    for path, several in kinds.items():
        top = path.split(".")[0].split("[")[0]
        merged[top] = sorted({*merged.get(top, ()), *several})
    aim = [tool.name, aimed]
    return _digest(running, aim), _digest(running, [aim, sorted(found.policies), merged])


def _at(arguments: Mapping[str, Any], path: str) -> Any:
    value: Any = arguments
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _digest(running: Running, value: Any) -> str:
    key = running.parts.journal.store.master_key()
    return hmac.digest(key, b"aver approval scope\0" + canonical_json(value), "sha256").hex()


def _stood(running: Running, found: Decision, aim: str, scope: str) -> Decision:
    """The answer that was given before to the same question, or the question. Blocking."""
    table, owner = standing_decisions.c, running.parts.journal.owner(running.principal)
    here = or_(table.conversation == "", table.conversation == running.state.conversation)
    query = select(table.digest, table.outcome, table.approval).where(table.owner == owner, here)
    with running.parts.journal.store.read() as tx:
        rows = tx.execute(query.where(table.digest.in_([aim, scope]))).all()
    for row in sorted(rows, key=lambda row: row.outcome, reverse=True):  # deny before allow
        if row.outcome == "deny" and row.digest == aim:
            return Decision("deny", "You said never to do this.", (*found.policies, row.approval))
        if row.outcome == "allow" and row.digest == scope:
            reason = f"{found.reason} It was approved for this conversation."
            return Decision("allow", reason, (*found.policies, row.approval))
    return found


def _ask(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(approvals), list(rows))
