"""From what a model asks for to what is done: contained, checked, decided by policy, and put before a person where policy asks."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, insert, or_, select

from aver.agents.acting.containing import Refusal, fitting, read_arguments
from aver.agents.acting.running import Running
from aver.agents.acting.state import Action
from aver.agents.acting.store import acting, approvals, standing_decisions
from aver.agents.acting.types import reads_only
from aver.agents.blocking import whole
from aver.agents.tools import Tool
from aver.core import canonical_json, new_id, rfc3339
from aver.core.errors import AverError, InvalidInput, Stopped
from aver.core.labels import ANYTHING, combined
from aver.evidence import Draft
from aver.evidence.facts import clear_name
from aver.policy import Action as Asked
from aver.policy import Decision, action_from, action_to, decision_to

__all__ = ["decide", "decide_again"]

_MOST_POLICIES = 50


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
    """Ask policy once more about a call that a person approved: policy, the person or the tool may have changed while they thought about
    it. Its *ask* was answered; its *deny* stands."""
    assert action.asked is not None
    asked, tool = action_from(action.asked), running.tools.get(action.tool)
    if tool is None or _refused(running, tool, asked.arguments, ()) is not None:
        found = Decision("deny", "The tool has changed since it was approved, and does not take this call.")
    else:
        label = combined((asked.label, await whole(running.parts.label)))
        asked = replace(asked, principal=running.principal, annotations=tool.annotations, label=label)
        found = await whole(_policy, running, asked)
    await running.record([_decision(running, action, asked, found, found, again=True)])


async def _one(running: Running, action: Action, earlier: Sequence[Action], decided: _Decided) -> None:
    arguments = await _taken(running, action, earlier, decided)
    if arguments is None:
        return
    tool, agent = running.tools[action.tool], running.parts.agent
    asked = await whole(_asked_about, running, action, tool, arguments)
    policy = found = await whole(_policy, running, asked)
    aim, scope = _scopes(running, asked, found)
    eyes = agent.four_eyes
    role = eyes.role if tool.annotations.effects & eyes.effects else ""
    if role and found.outcome == "allow":
        found = Decision("ask", f"{found.reason} Calls like this are approved by a second person.", found.policies)
    elif found.outcome != "deny" and not reads_only(tool.annotations):
        found = await whole(_stood, running, found, aim, "" if role else scope)
    decided.actions += 1
    decided.drafts.append(_decision(running, action, asked, found, policy, again=False))
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
    found: Refusal | Mapping[str, Any] = read_arguments(action, running.tools, running.parts.agent.limits)
    if not isinstance(found, Refusal):
        looked, drafts = await running.check("arguments", orjson.dumps(found).decode())
        decided.drafts += drafts
        if looked.outcome == "block":
            found = Refusal("guard", f"A check of the arguments refuses it: {looked.reason}")
        elif looked.changed:
            found = read_arguments(replace(action, written=looked.text), running.tools, running.parts.agent.limits)
    if not isinstance(found, Refusal):
        # What was cut out of what the model read, the tool is given: it is the tenant's own.
        found = await running.guarding.restored(found)
    if not isinstance(found, Refusal):
        found = _refused(running, running.tools[action.tool], found, earlier) or found
    if not isinstance(found, Refusal):
        try:
            await whole(running.stopped, action.tool)
        except Stopped as error:
            found = Refusal("stopped", f"{error.cause}.")
    if isinstance(found, Refusal):
        facts = {"action": action.id, "tool": running.name(action.tool), "cause": found.cause}
        body = {"tool": action.tool[:200], "reason": found.reason}
        decided.drafts.append(running.draft("refused", facts, body))
        return None
    return found


def _refused(running: Running, tool: Tool, arguments: Mapping[str, Any], earlier: Sequence[Action]) -> Refusal | None:
    try:
        schema = running.schema(tool)
    except InvalidInput as error:
        return Refusal("invalid_arguments", f"The tool itself is declared wrongly: {error.cause}")
    return fitting(tool, schema, arguments, earlier, running.parts.agent.limits)


def _asked_about(running: Running, action: Action, tool: Tool, arguments: Mapping[str, Any]) -> Asked:
    """The call as policy is asked about it. Its history is of calls that came to be decided, whether or not they have returned."""
    asked = running.provenance.action(tool.name, tool.annotations, arguments)
    return replace(asked, history=_history(running, action))


def _history(running: Running, before: Action) -> tuple[str, ...]:
    """The tools whose calls came to be decided before this one, refused ones aside, oldest first."""
    names: list[str] = []
    for action in running.state.actions():
        if action is before:
            break
        if action.arguments is not None and action.status not in ("refused", "denied", "rejected", "expired"):
            names.append(action.tool)
    return tuple(names)


def _policy(running: Running, asked: Asked) -> Decision:
    try:
        return running.parts.decide(asked)
    except Exception as error:  # noqa: BLE001 - whatever keeps policy from deciding, nothing is allowed
        cause = error.cause if isinstance(error, AverError) else type(error).__name__
        return Decision("deny", f"The policy could not be evaluated: {cause}.")


def _decision(
    running: Running, action: Action, asked: Asked, found: Decision, policy: Decision, *, again: bool
) -> Draft:
    """A decision as it is recorded: all that policy was asked about and what it said, so that it can be explained and made again; and
    what stands of it, by answers that people gave before or because a second person has to look."""
    kinds = sorted({origin.kind for each in asked.origins.values() for origin in each})
    facts = {
        "action": action.id,
        "tool": running.name(action.tool),
        "outcome": found.outcome,
        "policies": [clear_name(each) for each in found.policies][:_MOST_POLICIES],
        "origins": kinds,
        "again": again,
        **(asked.label.facts() if asked.label != ANYTHING else {}),
    }
    body = {"action": action_to(asked), "decision": decision_to(policy), "reason": found.reason}
    return running.draft("decided", facts, body)


def _scopes(running: Running, asked: Asked, found: Decision) -> tuple[str, str]:
    """What a rejection for ever, and what an approval for the conversation would hold for: the tool aimed at the same targets; and that
    asked about by the same rules, with every argument from the same kinds of origin, and all of it under the same label."""
    targets = asked.annotations.targets
    aimed = [[path, _at(asked.arguments, path)] for path in sorted(targets)] if targets else dict(asked.arguments)
    # Positions in lists are not told apart: one guest more is not another reason to ask.
    merged: dict[str, list[str]] = {}
    for path, several in asked.origins.items():
        top = path.split(".")[0].split("[")[0]
        kinds = {origin.kind for origin in several}
        if "user" in kinds:
            kinds.discard("mentioned")  # What they say now they may well have said before.
        merged[top] = sorted({*merged.get(top, ()), *kinds})
    aim = [asked.tool, aimed]
    labelled = [] if asked.label == ANYTHING else [asked.label.plain()]
    return _digest(running, aim), _digest(running, [aim, sorted(found.policies), merged, *labelled])


def _at(arguments: Mapping[str, Any], path: str) -> Any:
    """What stands at a declared path, in every member of the lists on the way."""
    values: list[Any] = [arguments]
    for name in path.split("."):
        values = [each for value in values for each in (value if isinstance(value, list) else [value])]
        values = [each.get(name) if isinstance(each, Mapping) else None for each in values]
    return values


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
        if row.outcome == "allow" and row.digest == scope and found.outcome == "ask":
            reason = f"{found.reason} It was approved for this conversation."
            return Decision("allow", reason, (*found.policies, row.approval))
    return found


def _ask(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(approvals), list(rows))
