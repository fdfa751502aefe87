"""``aver person``: what a person may ask to be given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="What is kept of a person, for them.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What is kept of a person, for them."""


@app.command()
def export(
    context: typer.Context,
    tenant: TenantName,
    user: Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Whose.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ZIP file to write.")],
    group: Annotated[
        list[str], typer.Option("--group", "-g", metavar="GROUP", help="Of somebody whom the tenant does not know.")
    ] = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Write what a person asked and was answered, what is remembered of them, their feedback, keys, sessions and accesses, as JSON and as a page.
    The export is itself in the access log. Example: aver person export -t acme --user ann --out ann.zip"""
    from aver.server.persons import export_person

    with Session.of(context).application() as application:
        by = application.tenant(tenant).principal(at_this_machine())
        things = export_person(application, tenant, user, out, by, "command", group)
    if as_json:
        print_json({"user": user, "out": str(out), "records": things})
    else:
        sys.stdout.write(f"wrote {out}: {things} records of {user}\n")
