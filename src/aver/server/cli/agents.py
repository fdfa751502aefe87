"""``aver agents``: what agents do, and did, for a user."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.agents.acting import Outcome, Performed, Turns
    from aver.core import Principal

__all__ = ["app"]

app = typer.Typer(help="What agents do for a user, and did: their turns.")

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
    """List a user's turns, newest first."""
    with _turns(context, tenant, user, group) as (turns, principal):
        found = turns.listed(principal)
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
    with _turns(context, tenant, user, group) as (turns, principal):
        found = turns.outcome(principal, turn)
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
    with _turns(context, tenant, user, group) as (turns, principal):
        turns.cancel(principal, turn)
    if as_json:
        print_json({"turn": turn, "cancelled": True})
    else:
        sys.stdout.write(f"cancelled: {turn}\n")


def _lines(found: Outcome) -> Iterator[str]:
    yield f"{found.status}{f': {found.text}' if found.text else ''}"
    if found.output is not None:
        yield json.dumps(found.output, ensure_ascii=False)
    for each in found.performed:
        yield f"  {each.action} {each.tool} {json.dumps(dict(each.arguments), ensure_ascii=False)}: {_became(each)}"
    for approval in found.approvals:
        yield f"  waits for {approval}: aver approvals show {approval}"


_STATUS = {
    "allowed": "not begun",
    "intended": "under way",
    "done": "done",
    "failed": "it reported an error",
    "not_run": "it did not run",
    "undecided": "nobody can tell whether it was done",
    "impossible": "which cannot be taken back",
}


def _became(each: Performed) -> str:
    back = {"done": "taken back", "": ""}.get(
        each.compensation, f"to be taken back: {_STATUS.get(each.compensation, '')}"
    )
    return ", ".join(filter(None, (_STATUS[each.status], back)))
