"""``aver hold``: what may neither be let go nor erased while a matter is open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.governance.holds import Hold

__all__ = ["app"]

app = typer.Typer(help="Legal holds: what is kept while a matter is open, whatever else is declared or asked.")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in evidence, encrypted.")]


@app.command()
def place(
    context: typer.Context,
    matter: Annotated[str, typer.Argument(metavar="MATTER", help="What it is about, as lawyers call it.")],
    tenant: TenantName,
    reason: Reason,
    user: Annotated[list[str], typer.Option("--user", "-u", metavar="USER", help="Whose content is kept.")] = [],  # noqa: B006 - Typer copies it
    document: Annotated[list[str], typer.Option("--document", metavar="ID", help="A document that is kept.")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Keep the content of these users, and these documents with the turns that rest on them, until the hold is released.
    Example: aver hold place "Claim 7" -t acme --user ann --reason "letter of 3 May" """
    with Session.of(context).application() as application:
        holds = application.tenant(tenant).governance.holds
        hold = holds.place(matter, reason, users=user, documents=document, by=at_this_machine())
    _print(hold, as_json)


@app.command()
def release(
    context: typer.Context,
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="Its id.")],
    tenant: TenantName,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Let retention and erasure go on."""
    with Session.of(context).application() as application:
        released = application.tenant(tenant).governance.holds.release(hold, reason, by=at_this_machine())
    _print(released, as_json)


@app.command("list")
def list_(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List holds, oldest first, those that were released among them."""
    with Session.of(context).application() as application:
        found = application.tenant(tenant).governance.holds.all()
    if as_json:
        print_json({"holds": found})
    else:
        _table(found)


def _print(hold: Hold, as_json: bool) -> None:
    if as_json:
        print_json(hold)
    else:
        _table([hold])
        sys.stdout.flush()


def _table(holds: list[Hold]) -> None:
    rows = [
        (
            each.id,
            each.matter,
            ", ".join(each.users),
            len(each.documents),
            f"{each.placed:%Y-%m-%d %H:%M}",
            f"released {each.released:%Y-%m-%d %H:%M}" if each.released else "holds",
        )
        for each in holds
    ]
    table(("hold", "matter", "users", "documents", "placed", "state"), rows)
