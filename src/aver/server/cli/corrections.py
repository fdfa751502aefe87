"""``aver incident action``: what is to be done so that an incident does not come again."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.incidents.corrections import Correction, CorrectionKind

__all__ = ["app"]

app = typer.Typer(help="Corrective actions: proposed from evidence, taken on by people, tracked until done.")

Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id.")]
Taken = Annotated[str, typer.Argument(metavar="ACTION", help="Its id.")]
By = Annotated[str, typer.Option("--user", metavar="NAME", help="Who says so; whoever runs the command, if left out.")]


@app.command("list")
def list_(context: typer.Context, incident: Which, tenant: TenantName, as_json: AsJson = False) -> None:
    """List what was taken on, and what is proposed, by number."""
    with Session.of(context).application() as application:
        report = application.tenant(tenant).operations.report(incident)
    if as_json:
        print_json({"actions": [each.record() for each in report.corrections], "proposed": report.proposed})
        return
    rows: list[tuple[str, str, str, str]] = [
        (each.id, each.status, each.kind, each.text) for each in report.corrections
    ]
    rows += [(str(number), "proposed", each.kind, each.text) for number, each in enumerate(report.proposed, 1)]
    table(("action", "status", "kind", "what"), rows)


@app.command()
def accept(
    context: typer.Context,
    incident: Which,
    number: Annotated[int, typer.Argument(metavar="N", help="The number of what is proposed.", min=1)],
    tenant: TenantName,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="DIR", help="Write a gate's condition into the aver.yaml of this folder."),
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take on what is proposed. Affected turns become cases that wait for labels; a condition is written into a bundle's gate where one is named."""
    from aver.server.correcting import accept as take_on

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        proposed = services.operations.report(incident).proposed
        if number > len(proposed):
            raise InvalidInput(
                f"There is no proposal {number}", f"There are {len(proposed)}: aver incident action list."
            )
        found = take_on(services, incident, proposed[number - 1], by=by or getpass.getuser(), bundle=bundle)
    _tell(found, as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    incident: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be done.")],
    tenant: TenantName,
    kind: Annotated[str, typer.Option("--kind", metavar="WORD", help="case, gate, alert or other.")] = "other",
    condition: Annotated[
        str, typer.Option("--condition", metavar="TEXT", help="Of a gate, such as groundedness>=0.9.")
    ] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take on something else."""
    from aver.ops.incidents.corrections import CorrectionKind

    if kind not in get_args(CorrectionKind):
        raise InvalidInput(f"There is no kind {kind[:40]!r}", f"Write {', '.join(get_args(CorrectionKind))}.")
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).operations.corrections
        word = cast("CorrectionKind", kind)
        found = desk.accept(incident, word, text, by=by or getpass.getuser(), condition=condition)
    _tell(found, as_json=as_json)


@app.command()
def done(context: typer.Context, action: Taken, tenant: TenantName, by: By = "", as_json: AsJson = False) -> None:
    """Say that it is done."""
    with Session.of(context).application() as application:
        found = application.tenant(tenant).operations.corrections.end(action, "done", by=by or getpass.getuser())
    _tell(found, as_json=as_json)


@app.command()
def drop(
    context: typer.Context,
    action: Taken,
    tenant: TenantName,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is not done after all.")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Say that it will not be done."""
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).operations.corrections
        found = desk.end(action, "dropped", by=by or getpass.getuser(), reason=reason)
    _tell(found, as_json=as_json)


def _tell(found: Correction, *, as_json: bool) -> None:
    if as_json:
        print_json(found.record())
        return
    cases = f"; {len(found.cases)} cases wait to be labelled" if found.cases else ""
    sys.stdout.write(f"{found.id} is {found.status}: {printable(found.text)}{cases}\n")
