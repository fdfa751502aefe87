"""``aver agents``: which agents there are, and what they do, and did, for a user."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName, check_text
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.agents.acting import Outcome, Performed, Turns
    from aver.core import Principal
    from aver.evidence import Draft
    from aver.server.application import Application, TenantServices

__all__ = ["app"]

app = typer.Typer(help="Features that act: which there are, and what they do for a user, and did.")

Agent = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name, from the list.")]
Id = Annotated[str, typer.Argument(metavar="TURN", help="The turn's id, from the list.")]


@contextmanager
def _turns(context: typer.Context, tenant: str, user: str, groups: Sequence[str]) -> Iterator[tuple[Turns, Principal]]:
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        yield services.turns, services.principal(user, groups)


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """List the agents that a user has."""
    from aver.server.acting import offered

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        asked = offered(application, services, services.principal(user, group))
        found = asyncio.run(application.finishing(asked))
        rows = [{"name": each.name, "model": each.agent.model, "about": each.about} for each in found]
    if as_json:
        print_json({"agents": rows})
    else:
        table(("agent", "model", "for"), [tuple(each.values()) for each in rows])


@app.command()
def run(
    context: typer.Context,
    agent: Agent,
    task: Annotated[str, typer.Argument(metavar="TASK", help="What is to be done, in your words.")],
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="Continue this conversation; a new one begins without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have an agent do something, until it is done or waits for an approval. Interrupted, it goes on with: aver agents resume"""
    from aver.server.acting import at_work, begin

    check_text("task", task)

    async def begun(application: Application, services: TenantServices) -> Outcome:
        principal = services.principal(user, group)
        turn = await begin(application, services, principal, agent, task, conversation)
        async with at_work(application, services, turn) as acting:
            return await acting.run(turn, _watching(as_json))

    _went(context, tenant, begun, as_json)


@app.command()
def resume(
    context: typer.Context,
    turn: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Go on with a turn here: after an approval, or an interruption. Where Aver is served, turns go on by themselves."""

    from aver.server.acting import at_work

    async def gone_on(application: Application, services: TenantServices) -> Outcome:
        principal = services.principal(user, group)
        await asyncio.to_thread(services.turns.agent, principal, turn)  # raises for another's
        async with at_work(application, services, turn) as acting:
            await acting.run(turn, _watching(as_json))
        return await asyncio.to_thread(services.turns.outcome, principal, turn)

    _went(context, tenant, gone_on, as_json)


@app.command()
def turns(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """List a user's turns, newest first."""
    with _turns(context, tenant, user, group) as (theirs, principal):
        found = theirs.listed(principal)
    if as_json:
        print_json({"turns": found})
    else:
        rows = [(each.turn, each.status, f"{each.created:%Y-%m-%d %H:%M}", each.task) for each in found]
        table(("turn", "status", "begun", "task"), rows)


@app.command()
def show(
    context: typer.Context,
    turn: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Show how a turn stands: its answer, each effect it came to, and what it waits for. Its steps: aver evidence show TURN"""
    with _turns(context, tenant, user, group) as (theirs, principal):
        found = theirs.outcome(principal, turn)
    if as_json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(found))


@app.command()
def cancel(
    context: typer.Context,
    turn: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """End a turn: nothing new is begun, and what can be taken back is, where agents are run."""
    with _turns(context, tenant, user, group) as (theirs, principal):
        theirs.cancel(principal, turn)
    if as_json:
        print_json({"turn": turn, "cancelled": True})
    else:
        sys.stdout.write(f"cancelled: {turn}\n")


def _watching(quiet: bool) -> Callable[[Sequence[Draft]], None]:
    """Says each step as it is recorded, on standard error, to whoever looks on there."""
    from aver.server.story import sentence

    def told(drafts: Sequence[Draft]) -> None:
        sys.stderr.writelines(f"  {printable(sentence(each))}\n" for each in drafts)
        sys.stderr.flush()

    return (lambda _: None) if quiet or not sys.stderr.isatty() else told


def _went(
    context: typer.Context,
    tenant: str,
    work: Callable[[Application, TenantServices], Awaitable[Outcome]],
    as_json: bool,
) -> None:
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        found = asyncio.run(application.finishing(work(application, services)))
    if as_json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(found))


def _lines(found: Outcome) -> Iterator[str]:
    yield f"{found.status}{f': {found.text}' if found.text else ''}"
    if found.output is not None:
        yield json.dumps(found.output, ensure_ascii=False)
    performed = {each.action: each for each in found.performed}
    for each in found.actions:
        became = _became(performed[each.action]) if each.action in performed else _STANDS[each.status]
        why = f": {each.reason}" if each.status in _WHY and each.reason else ""
        yield f"  {each.action} {each.tool} {json.dumps(dict(each.arguments), ensure_ascii=False)}: {became}{why}"
    yield from (f"  {each}" for each in found.stopped)
    for approval in found.approvals:
        yield f"  waits for {approval}: aver approvals show {approval}"
    yield f"turn {found.turn} \N{MIDDLE DOT} conversation {found.conversation}"


_STATUS = {
    "allowed": "not begun",
    "intended": "under way",
    "done": "done",
    "failed": "it reported an error",
    "not_run": "it did not run",
    "undecided": "nobody can tell whether it was done",
    "impossible": "which cannot be taken back",
}


_STANDS = {
    **_STATUS,
    "proposed": "not looked at yet",
    "refused": "not called",
    "denied": "denied",
    "waiting": "waits for approval",
    "approved": "approved",
    "rejected": "refused by a person",
    "expired": "nobody approved it in time",
}
_WHY = ("refused", "denied", "waiting", "rejected", "failed", "not_run", "undecided")


def _became(each: Performed) -> str:
    back = {"done": "taken back", "": ""}.get(
        each.compensation, f"to be taken back: {_STATUS.get(each.compensation, '')}"
    )
    return ", ".join(filter(None, (_STATUS[each.status], back)))
