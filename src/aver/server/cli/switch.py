"""``aver switch``: stop a tool, a feature, a model, a tenant or everything, at once and on every replica."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session
from aver.store import SwitchKind

__all__ = ["app"]

app = typer.Typer(help="Kill switches: what they stop takes no effect within a second, on every replica.")

Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="What to stop: tool, feature, model (or a route), provider, source, tenant or installation; or guardrail, which then blocks.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Which tool, feature, model, provider, source or check.")]
Tenant = Annotated[
    str, typer.Option("--tenant", "-t", metavar="TENANT", help="For this tenant alone, by name or id; else for all.")
]


@app.command()
def off(
    context: typer.Context,
    kind: Kind,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: users are told.")],
    name: Name = "",
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Stop it. What is stopped already stays as it was."""
    from aver.server.switching import is_known, throw_switch

    with Session.of(context).application() as application:
        switch = throw_switch(application, cast(SwitchKind, kind), name, tenant, reason=reason)
        known = is_known(application, switch)
    if as_json:
        print_json(switch)
        return
    verb = "held tighter" if kind == "guardrail" else "stopped"
    sys.stdout.write(f"{verb}: {printable(' '.join(filter(None, (kind, name))))}\n")
    if not known:
        sys.stderr.write(f"No {kind} has this name here. If it is misspelt, nothing is stopped by it.\n")


@app.command()
def on(context: typer.Context, kind: Kind, name: Name = "", tenant: Tenant = "", as_json: AsJson = False) -> None:
    """Let it go on."""
    from aver.server.switching import find_switch, lift_switch

    with Session.of(context).application() as application:
        switch = find_switch(application, cast(SwitchKind, kind), name, tenant)
        lift_switch(application, switch)
    if as_json:
        print_json({"id": switch.id, "lifted": True})
    else:
        sys.stdout.write(f"goes on: {printable(' '.join(filter(None, (kind, name))))}\n")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List what is stopped."""
    with Session.of(context).application() as application:
        found = application.store.switches()
        names = {tenant.id: tenant.name for tenant in application.store.tenants()}
    if as_json:
        print_json({"switches": found})
    else:
        rows = [
            (each.kind, each.name, names.get(each.tenant, each.tenant), f"{each.thrown:%Y-%m-%d %H:%M}", each.reason)
            for each in found
        ]
        table(("kind", "name", "tenant", "since", "reason"), rows)
