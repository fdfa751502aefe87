"""``aver inventory``: what there is, whose it is, and how risky."""

from __future__ import annotations

import sys

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["inventory"]


def inventory(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List features, models, prompts, datasets, tools and sources with their owners and risk classes, and the releases in force with who signed them off.

    Owners and risk classes are declared in the section inventory of the bundle. Example: aver inventory --tenant acme --json
    """
    from aver.server.stocktaking import stock_of

    with Session.of(context).application() as application:
        found = stock_of(application, application.tenant(tenant))
    if as_json:
        print_json(
            {
                "items": found.items,
                "releases": found.releases,
                "unowned": found.unowned,
                "unclassified": found.unclassified,
            }
        )
        return
    rows = [
        (
            each.kind,
            each.name,
            each.owner or "nobody",
            each.risk,
            ", ".join(each.used_by),
            f"{each.since:%Y-%m-%d} {each.release[:12]}" if each.since else "no release",
        )
        for each in found.items
    ]
    table(("kind", "name", "owner", "risk", "used by", "since"), rows)
    for release in found.releases:
        signed = ", ".join(f"{each.role} by {each.by}" for each in release.sign_offs) or "signed off by nobody"
        sys.stdout.write(printable(f"{release.digest[:12]} in {', '.join(release.environments)}: {signed}") + "\n")
    if found.unowned or found.unclassified:
        sys.stdout.write(
            f"without an owner: {found.unowned:,}; features without a risk class: {found.unclassified:,}\n"
        )
