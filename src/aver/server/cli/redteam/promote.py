"""``aver redteam promote``: attacks from use, for a person to read and keep."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable
from aver.server.cli.session import Session

__all__ = ["promote"]


def promote(
    context: typer.Context,
    tenant: TenantName,
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The suite that they are added to, such as BUNDLE/redteam/production.yaml."),
    ],
    days: Annotated[int, typer.Option(min=1, help="How far back is looked.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Make attacks of what guardrails flagged or blocked and of calls that policy denied, without personal data and secrets.

    What is in the file already is not added again. Erased turns are gone here too.
    """
    from aver.evals.redteam.production import from_evidence, write_suite

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        since = application.clock.now() - timedelta(days=days)
        attacks = from_evidence(services.ledger, since)
    added = write_suite(out, attacks)
    if as_json:
        print_json({"found": len(attacks), "added": added, "file": str(out)})
    else:
        sys.stdout.write(
            f"{added} of {len(attacks)} attacks are new in {printable(str(out))}: read them before they are kept\n"
        )
