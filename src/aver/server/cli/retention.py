"""``aver retention``: content let go of once its time is up."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(
    help="Let content go whose time is up, by class, as far as no legal hold keeps it.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Let content go whose time is up, by class, as far as no legal hold keeps it."""


@app.command()
def apply(
    context: typer.Context,
    tenant: TenantName,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due, and let nothing go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let everything go whose time is up; aver serve does so every day. Example: aver retention apply -t acme --dry-run"""
    with Session.of(context).application() as application:
        found = application.tenant(tenant).governance.retention.apply(dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "classes": found})
        return
    if not found:
        sys.stdout.write("nothing is declared to go: everything is kept for ever\n")
        return
    rows = [(each.name, f"{each.days} days", f"{each.before:%Y-%m-%d}", each.count, each.held) for each in found]
    table(("class", "kept", "from before", "due" if dry_run else "let go", "held"), rows)
