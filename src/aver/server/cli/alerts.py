"""``aver alerts``: what departs from what is promised or usual, who is told, and who is not."""

from __future__ import annotations

import getpass
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.alerts.types import Alert

__all__ = ["app"]

app = typer.Typer(help="Alerts: what departs from what is promised or usual, and who is told.")

By = Annotated[str, typer.Option("--user", metavar="NAME", help="Who says so; whoever runs the command, if left out.")]


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are resolved, newest first.")] = False,
    most: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the alerts that stand, and the routes that cannot be told."""
    with Session.of(context).application() as application:
        operations = application.tenant(tenant).operations
        found = operations.alerts.alerts(standing=not everything, most=most)
        problems = operations.problems()
    if as_json:
        print_json({"alerts": [each.record() for each in found], "problems": problems})
        return
    _show(found)
    for route, problem in problems.items():
        sys.stdout.write(f"{printable(route)} cannot be told: {printable(problem)}\n")


@app.command()
def look(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Look once and tell what is due, as the server does every few seconds."""
    with Session.of(context).application() as application:
        operations = application.tenant(tenant).operations
        changes = operations.look()
        sent = operations.tell()
    if as_json:
        fired, resolved = ([each.record() for each in several] for several in (changes.fired, changes.resolved))
        print_json({"fired": fired, "resolved": resolved, "told": [each.to_json() for each in sent]})
        return
    sys.stdout.writelines(f"fired: {printable(each.said)}\n" for each in changes.fired)
    sys.stdout.writelines(f"resolved: {printable(each.said)}\n" for each in changes.resolved)
    sys.stdout.writelines(f"told: {printable(each.title)}\n" for each in sent)
    if not (changes.fired or changes.resolved or sent):
        sys.stdout.write("nothing has changed\n")


@app.command()
def silence(
    context: typer.Context,
    matches: Annotated[
        list[str], typer.Argument(metavar="LABEL=VALUE...", help="Which, as in rule=burn:up; * matches anything.")
    ],
    tenant: TenantName,
    lasting: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long, as in 2h.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")],
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Tell nobody of some alerts for a while. They fire and are on record all the same."""
    from aver.core.errors import InvalidInput
    from aver.gateway.config.units import duration

    try:
        seconds = duration(lasting)
    except ValueError:
        raise InvalidInput(f"{lasting[:40]!r} is no duration", "Write 30m, 2h or 1d.") from None
    given = dict(each.partition("=")[::2] for each in matches)
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).operations.alerts
        found = desk.silence(given, timedelta(seconds=seconds), by=by or getpass.getuser(), reason=reason)
    if as_json:
        print_json(found.to_json())
    else:
        sys.stdout.write(f"silenced until {found.until:%Y-%m-%d %H:%M} UTC: {found.id}\n")


@app.command()
def unsilence(
    context: typer.Context,
    silence: Annotated[str, typer.Argument(metavar="ID", help="Which silence.")],
    tenant: TenantName,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """End a silence before its time."""
    with Session.of(context).application() as application:
        application.tenant(tenant).operations.alerts.unsilence(silence, by=by or getpass.getuser())
    if as_json:
        print_json({"id": silence, "ended": True})
    else:
        sys.stdout.write(f"ended: {silence}\n")


@app.command()
def silences(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the silences that hold now."""
    with Session.of(context).application() as application:
        found = application.tenant(tenant).operations.alerts.silences()
    if as_json:
        print_json({"silences": [each.to_json() for each in found]})
        return
    rows = [
        (each.id, " ".join(f"{name}={value}" for name, value in each.matches.items()), f"{each.until:%Y-%m-%d %H:%M}")
        for each in found
    ]
    table(("silence", "matches", "until"), rows)


@app.command("test")
def send_one(
    context: typer.Context,
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="A route of the bundle's section objectives.")],
    tenant: TenantName,
    as_json: AsJson = False,
) -> None:
    """Send a message that says it is a test on one route."""
    from aver.server.operating import send_test

    with Session.of(context).application() as application:
        message = send_test(application, application.tenant(tenant), route)
    if as_json:
        print_json(message.to_json())
    else:
        sys.stdout.write(f"sent on {printable(route)}: {message.id}\n")


def _show(found: list[Alert]) -> None:
    if not found:
        sys.stdout.write("no alert stands\n")
        return
    rows = [
        (
            each.severity,
            f"{each.fired:%Y-%m-%d %H:%M:%S}",
            f"{each.resolved:%H:%M:%S}" if each.resolved else "stands",
            each.said,
            each.incident,
        )
        for each in found
    ]
    table(("severity", "fired", "resolved", "what", "incident"), rows)
