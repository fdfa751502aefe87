"""``aver access``: who read what, and who could."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, TenantName, read_date
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="The access log: who read what, and who could.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The access log: who read what, and who could."""


@app.command()
def log(
    context: typer.Context,
    tenant: TenantName,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Only what this user read.")] = None,
    document: Annotated[
        str | None, typer.Option("--document", metavar="ID", help="Only who read this document, and who could.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only what was read then or later.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="At most so many, oldest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Print who was shown which passages in turns, and who read what outside of them, from evidence. Example: aver access log -t acme --user ann"""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        accesses = services.governance.accesses
        moment = read_date(since, application.clock.now())
        could = accesses.readership(document) if document else None
        found = accesses.entries(user=user, document=document, since=moment, most=limit)
    if as_json:
        print_json({"accesses": found, **({"readership": could} if could else {})})
        return
    if could:
        sys.stdout.write(f"{printable(could.title)} may be read by: {', '.join(could.readers) or 'nobody'}\n")
    rows = [
        (
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            each.user or "(name gone)",
            each.what,
            each.surface,
            " ".join(each.documents[:3]) + (" ..." if len(each.documents) > 3 else "") or each.turn,
        )
        for each in found
    ]
    table(("at", "who", "what", "through", "of"), rows)
