"""``aver scorecard``: the figures that an organisation steers by."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["scorecard"]


def scorecard(
    context: typer.Context,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", "-t", metavar="TENANT", help="By name or id; the only one, if left out."),
    ] = None,
    feature: Annotated[str, typer.Option(metavar="NAME", help="The assistant or an agent; all, if left out.")] = "",
    release: Annotated[
        str, typer.Option(metavar="DIGEST", help="Turns that this release answered; all, if left out.")
    ] = "",
    period: Annotated[str, typer.Option(metavar="SPAN", help="Up to now, as in 24h, 30d, 4w or 1y.")] = "30d",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page of one file.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a PDF.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every KPI with its interval, target and trend, or why there is no data yet.

    Example: aver scorecard --tenant acme --period 90d --html scorecard.html
    """
    from aver.ops.scorecard.service import period_of
    from aver.ops.scorecard.types import Lack, Wanted
    from aver.server.cli.releases.words import written
    from aver.server.scorecard.saying import TRENDS, amount, between, changed, sampled

    wanted = Wanted(feature, release, period_of(period))
    with Session.of(context).application() as application:
        services = application.tenant(tenant or _only(application))
        services.operations.read()
        found = services.scorecards.read(wanted)
    if html is not None:
        from aver.server.scorecard.page import scorecard_page

        written(html, scorecard_page(found))
    if pdf is not None:
        from aver.server.scorecard.pdf import scorecard_pdf

        written(pdf, scorecard_pdf(found))
    if as_json:
        print_json(found.record())
        return
    rows = [
        (
            each.kpi.name,
            amount(each.value, each.kpi),
            between(each),
            amount(each.target, each.kpi),
            each.standing,
            " ".join(filter(None, [changed(each), TRENDS[each.trend] if each.trend != "unknown" else ""])) or "-",
            sampled(each),
        )
        for each in found.figures
    ]
    table(("kpi", "value", "95 %", "target", "standing", "trend", "sample"), rows)
    for each in found.figures:
        if isinstance(each.found, Lack):
            sys.stdout.write(f"{each.kpi.name}: {printable(each.reason)}. {printable(each.found.todo)}\n")
        elif not each.narrowed:
            sys.stdout.write(f"{each.kpi.name}: of all, it is not told apart by what was asked for\n")


def _only(application: Application) -> str:
    tenants = application.store.tenants()
    if len(tenants) != 1:
        few = "There is no tenant yet" if not tenants else f"There are {len(tenants)} tenants"
        raise InvalidInput(few, "Create one: aver tenant create NAME." if not tenants else "Name one with --tenant.")
    return tenants[0].id
