"""``aver mitigation``: what was done about incidents, doing more, and taking it back."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.mitigation.types import Actor, Mitigation
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["AsUser", "acting", "app"]

app = typer.Typer(help="Mitigations: what was done about incidents, of itself or by people, and taking it back.")

AsUser = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="USER",
        help="As whom, among the tenant's people: each step takes what they may at that moment. Whoever is at the machine, who may everything, if left out.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: it is on record, and users are told.")]


def acting(application: Application, services: TenantServices, user: str) -> Actor:
    """Who a command acts as."""
    from aver.server.mitigating import machine_actor, person_actor

    return person_actor(application, services, user) if user else machine_actor(services, getpass.getuser())


@app.command()
def actions(as_json: AsJson = False) -> None:
    """List every action, with what it takes and what whoever takes it needs."""
    from aver.ops.mitigation.actions import ACTIONS

    if as_json:
        kinds = [
            {
                "name": each.name,
                "about": each.about,
                "permission": each.permission,
                "by_itself": each.by_itself,
                "undoable": each.undo is not None,
                "arguments": {
                    name: {"about": argument.about, "required": argument.required}
                    for name, argument in each.arguments.items()
                },
            }
            for each in ACTIONS.values()
        ]
        print_json({"actions": kinds})
        return
    rows = [
        (
            each.name,
            " ".join(f"{name}=" if argument.required else f"[{name}=]" for name, argument in each.arguments.items()),
            each.permission,
            "yes" if each.undo is not None else "no",
            each.about,
        )
        for each in ACTIONS.values()
    ]
    table(("action", "takes", "needs", "undone", "what"), rows)


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    standing: Annotated[bool, typer.Option("--standing", help="Only what is in force.")] = False,
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="Only those of one incident.")] = "",
    as_json: AsJson = False,
) -> None:
    """List what was done, oldest first."""
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).operations.mitigations
        found = desk.mitigations(incident=incident, standing=standing)
    if as_json:
        print_json({"mitigations": [each.record() for each in found]})
        return
    rows = [
        (each.id, each.status.replace("_", " "), f"{each.begun:%Y-%m-%d %H:%M:%S}", each.by, each.action, each.said)
        for each in found
    ]
    table(("mitigation", "status", "begun", "by", "action", "what came of it"), rows)


@app.command()
def take(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="As 'shut_out_provider provider=acme'.")],
    tenant: TenantName,
    reason: Reason,
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="The incident that it is about.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")] = False,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Take one action. It holds in every process within two seconds."""
    from aver.ops.mitigation.actions import read_action

    wanted = read_action(action)
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        desk = services.operations.mitigations
        if dry_run:
            prepared = desk.prepare(wanted)
            if as_json:
                print_json({"action": str(wanted), "said": prepared.said, "undoable": prepared.undoable})
            else:
                sys.stdout.write(f"{printable(prepared.said)}\n")
            return
        done = desk.take(wanted, acting(application, services, as_user), reason=reason, incident=incident)
    _tell(done, as_json=as_json)


@app.command()
def undo(
    context: typer.Context,
    mitigation: Annotated[str, typer.Argument(metavar="MITIGATION", help="Its id.")],
    tenant: TenantName,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "it is over",
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Take back what one did."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        done = services.operations.mitigations.undo(mitigation, acting(application, services, as_user), reason=reason)
    _tell(done, as_json=as_json)


def _tell(done: Mitigation, *, as_json: bool) -> None:
    if as_json:
        print_json(done.record())
        return
    undo = f"take it back: aver mitigation undo {done.id}\n" if done.undoable else ""
    sys.stdout.write(f"{printable(done.said)}\n{undo}")
