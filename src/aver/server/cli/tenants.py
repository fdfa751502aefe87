"""``aver tenant``: the organisations of this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="The organisations whose data never meets another's.")


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, 1 to 100 characters.")],
    as_json: AsJson = False,
) -> None:
    """Create a tenant."""
    with Session.of(context).application() as application:
        tenant = application.store.create_tenant(name)
    if as_json:
        print_json(tenant)
    else:
        table(("tenant", "id"), [(tenant.name, tenant.id)])


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the tenants."""
    with Session.of(context).application() as application:
        tenants = application.store.tenants()
    if as_json:
        print_json({"tenants": tenants})
    else:
        table(("tenant", "id", "created"), [(t.name, t.id, f"{t.created:%Y-%m-%d %H:%M}") for t in tenants])
