"""``aver approvals``: calls of tools that wait for a person, and the person's answer."""

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
    from aver.agents.acting import Approval, Approvals
    from aver.core import Principal

__all__ = ["app"]

app = typer.Typer(help="Calls of tools that wait for a person to approve them.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The approval's id, from the list.")]
Roles = Annotated[
    list[str], typer.Option("--role", metavar="ROLE", help="A role the user has, such as admin; repeat it for more.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is put on record.")]


@contextmanager
def _approvals(
    context: typer.Context, tenant: str, user: str, groups: Sequence[str], roles: Sequence[str]
) -> Iterator[tuple[Approvals, Principal]]:
    from aver.core import Principal

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        yield services.approvals, Principal(services.store.tenant.id, user, frozenset(groups), frozenset(roles))


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    role: Roles = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """List what waits for this user's answer."""
    with _approvals(context, tenant, user, group, role) as (approvals, principal):
        found = approvals.pending(principal)
    if as_json:
        print_json({"approvals": found})
    else:
        rows = [(each.id, each.tool, each.asker, f"{each.expires:%Y-%m-%d %H:%M}", each.reason) for each in found]
        table(("approval", "tool", "for", "until", "why it is asked"), rows)


@app.command()
def show(
    context: typer.Context,
    approval: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    role: Roles = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Show the exact call, why it is asked, and where each argument came from."""
    with _approvals(context, tenant, user, group, role) as (approvals, principal):
        found = approvals.show(principal, approval)
    if as_json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _lines(found))


@app.command()
def approve(
    context: typer.Context,
    approval: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    role: Roles = [],  # noqa: B006 - Typer copies it
    conversation: Annotated[
        bool, typer.Option("--conversation", help="And calls like it in the same conversation.")
    ] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Let the call be made. Its turn goes on where agents are run."""
    with _approvals(context, tenant, user, group, role) as (approvals, principal):
        turn = approvals.approve(principal, approval, "conversation" if conversation else "once", reason)
    _answered(approval, turn, "approved", as_json)


@app.command()
def refuse(
    context: typer.Context,
    approval: Id,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    role: Roles = [],  # noqa: B006 - Typer copies it
    never: Annotated[bool, typer.Option("--never", help="Nor any by this tool at these targets, ever.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Let the call not be made. Its turn goes on without it."""
    with _approvals(context, tenant, user, group, role) as (approvals, principal):
        turn = approvals.reject(principal, approval, never=never, reason=reason)
    _answered(approval, turn, "refused", as_json)


def _answered(approval: str, turn: str, answer: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": approval, "turn": turn, "answer": answer})
    else:
        sys.stdout.write(f"{answer}: {approval}; turn {turn} can go on\n")


def _lines(found: Approval) -> Iterator[str]:
    effects = ", ".join((*found.effects, *([found.reversal] if found.reversal else [])))
    yield f"{found.tool} ({effects or 'no effects declared'})"
    yield f"{found.asker} had asked: {found.task}"
    yield f"Asked because: {found.reason}" + (f" (rules: {', '.join(found.policies)})" if found.policies else "")
    from aver.server.origins import in_words

    for path, value, origins in found.leaves():
        yield f"  {path} = {json.dumps(value, ensure_ascii=False)}"
        yield f"      {in_words(origins)}"
    yield from (f"Beware: {each}" for each in found.warnings)
    who = f"somebody else with the role {found.role}" if found.role else found.asker
    yield f"{found.status}; to be answered by {who} until {found.expires:%Y-%m-%d %H:%M} UTC"
