"""``aver objectives``: what is promised, how it stands, and how fast its budget burns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    pass

__all__ = ["objectives"]


def objectives(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show how each objective of the bundle stands for a tenant, read from its evidence up to now."""
    with Session.of(context).application() as application:
        operations = application.tenant(tenant).operations
        operations.read()
        found = operations.standings()
    if as_json:
        print_json({"objectives": [each.record() for each in found]})
        return
    if not found:
        sys.stdout.write("The bundle promises nothing: declare slos in its section objectives.\n")
        return
    rows = [
        (
            each.objective.name,
            each.objective.indicator.replace("_", " "),
            each.objective.feature or "all",
            _percent(each.objective.target),
            _percent(each.value),
            f"{each.events.total:,.0f}",
            _percent(each.left),
            " ".join(f"{burn.rates(each.objective)[1]:.1f}{'!' if burn.holds else ''}" for burn in each.burns),
        )
        for each in found
    ]
    table(("objective", "indicator", "feature", "target", "value", "events", "budget left", "burn 5m 30m 2h 6h"), rows)
    for each in found:
        if each.reason:
            sys.stdout.write(f"{each.objective.name}: {each.reason}\n")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.4g} %"
