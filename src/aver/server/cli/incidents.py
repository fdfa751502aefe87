"""``aver incident``: what happened, to whom, what had changed, and what people did about it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from aver.server.cli.corrections import app as corrections
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.incidents.desk import IncidentDesk
    from aver.ops.incidents.types import Entry, Incident
    from aver.ops.types import Severity

__all__ = ["app"]

app = typer.Typer(help="Incidents: what happened, to whom, and what had changed.")

By = Annotated[str, typer.Option("--user", metavar="NAME", help="Who says so; whoever runs the command, if left out.")]
Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What is known, or was done.")]


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    under_way: Annotated[bool, typer.Option("--open", help="Only those that are not resolved.")] = False,
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first, with the mean time to detect and to mitigate."""
    from aver.ops.incidents.desk import figures_of

    with Session.of(context).application() as application:
        found = application.tenant(tenant).operations.incidents.incidents(under_way=under_way)
    figures = figures_of(found)
    if as_json:
        print_json({"incidents": [each.record() for each in found], "figures": figures})
        return
    rows = [
        (
            each.id,
            each.status,
            each.severity,
            f"{each.began:%Y-%m-%d %H:%M:%S}",
            _seconds(each.detection_seconds),
            _seconds(each.mitigation_seconds),
            each.title,
        )
        for each in found
    ]
    table(("incident", "status", "severity", "began", "detected after", "mitigated after", "what"), rows)
    if figures.reason:
        sys.stdout.write(f"{figures.reason}\n")
    else:
        means = f"MTTD {_seconds(figures.mttd)}, MTTM {_seconds(figures.mttm)}"
        sys.stdout.write(f"{figures.incidents:,} incidents, {figures.open:,} open: {means}\n")


@app.command()
def show(context: typer.Context, incident: Which, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show what happened in order, what had changed before, and whom it touched."""
    with Session.of(context).application() as application:
        report = application.tenant(tenant).operations.report(incident)
    if as_json:
        print_json(report.record())
        return
    found, affected = report.incident, report.affected
    sys.stdout.write(f"{found.id}: {printable(found.title)}\n{found.severity}, {found.status}\n")
    sys.stdout.write(
        f"detected {_seconds(found.detection_seconds)} after it began, mitigated {_seconds(found.mitigation_seconds)} after that\n"
        f"{affected.count:,} of {affected.of:,} turns, {affected.people:,} people\n"
    )
    table(("at (UTC)", "", "what", ""), [_row(each) for each in report.timeline.entries])
    suspects = [each for each in report.timeline.suspects if each.what != "gate"]
    if suspects:
        sys.stdout.write("changed in the hour before, the latest first:\n")
        sys.stdout.writelines(f"  {each.at:%H:%M:%S} {each.what}: {printable(each.said)}\n" for each in suspects[:10])
    else:
        sys.stdout.write("nothing that Aver knows of was changed in the hour before\n")
    sys.stdout.writelines(f"  aver evidence show {each}\n" for each in affected.turns[:5])


@app.command("open")
def open_(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is wrong, in a line.")],
    tenant: TenantName,
    severity: Annotated[str, typer.Option("--severity", metavar="WORD", help="page, ticket or notice.")] = "page",
    feature: Annotated[
        str, typer.Option("--feature", metavar="NAME", help="Of which feature; of all, if left out.")
    ] = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="When it began, as 2026-01-31T10:00:00Z.")] = "",
    turn: Annotated[str, typer.Option("--turn", metavar="ID", help="The turn that is reported.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Open an incident by hand, or as a report of a turn."""
    from aver.core.errors import InvalidInput
    from aver.ops.incidents.moments import moment_of

    if severity not in ("page", "ticket", "notice"):
        raise InvalidInput(f"{severity[:40]!r} is no severity", "Write page, ticket or notice.")
    word = cast("Severity", severity)
    began = moment_of(since) if since else None
    _act(
        context,
        tenant,
        lambda desk, who: desk.open(title, by=who, severity=word, feature=feature, began=began, turn=turn),
        by,
        as_json=as_json,
    )


@app.command()
def note(
    context: typer.Context, incident: Which, text: Text, tenant: TenantName, by: By = "", as_json: AsJson = False
) -> None:
    """Write down something of it."""
    _act(context, tenant, lambda desk, who: desk.note(incident, text, by=who), by, as_json=as_json)


@app.command()
def mitigate(
    context: typer.Context, incident: Which, text: Text, tenant: TenantName, by: By = "", as_json: AsJson = False
) -> None:
    """Say that users are spared it from now on, and by what."""
    _act(context, tenant, lambda desk, who: desk.mitigate(incident, text, by=who), by, as_json=as_json)


@app.command()
def resolve(
    context: typer.Context, incident: Which, text: Text, tenant: TenantName, by: By = "", as_json: AsJson = False
) -> None:
    """Say that it is done with, and why."""
    _act(context, tenant, lambda desk, who: desk.resolve(incident, text, by=who), by, as_json=as_json)


@app.command()
def postmortem(
    context: typer.Context,
    incident: Which,
    tenant: TenantName,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; onto the screen, if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draft what is written after an incident, in Markdown, from evidence: impact, timeline, what had changed, what was done, what is to follow."""
    from aver.core.errors import Conflict, InvalidInput

    with Session.of(context).application() as application:
        written = application.tenant(tenant).operations.postmortem(incident)
    if out is not None:
        try:
            with out.open("x", encoding="utf-8") as file:
                file.write(written)
        except FileExistsError:
            raise Conflict(
                f"{str(out)!r} is there already", "Choose another name: nobody's words are overwritten."
            ) from None
        except OSError as error:
            raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another name.") from None
    if as_json:
        print_json({"incident": incident, "markdown": written, "file": str(out) if out else None})
    elif out is None:
        sys.stdout.write(printable(written))
    else:
        sys.stdout.write(f"{printable(str(out))} is written\n")


app.add_typer(corrections, name="action")


def _act(
    context: typer.Context, tenant: str, act: Callable[[IncidentDesk, str], Incident], by: str, *, as_json: bool
) -> None:
    with Session.of(context).application() as application:
        found = act(application.tenant(tenant).operations.incidents, by or getpass.getuser())
    if as_json:
        print_json(found.record())
    else:
        sys.stdout.write(f"{found.id} is {found.status}: {printable(found.title)}\n")


def _row(entry: Entry) -> tuple[str, str, str, str]:
    times = f" ({entry.figures['times']} times)" if "times" in entry.figures else ""
    return (f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.kind, entry.what, entry.said + times)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
