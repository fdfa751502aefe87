"""``aver acceptable-use``: who agreed to the rules of use in force."""

from __future__ import annotations

import sys

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="The rules of use that people agree to before they ask.")


@app.command()
def status(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Print which version is in force, and who agreed to it. Example: aver acceptable-use status -t acme"""
    from aver.server.persons import standing_of

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        terms, agreed = services.governance.use.terms, services.governance.use.agreed()
        people = standing_of(application, services)
    if as_json:
        print_json({"digest": terms.digest if terms else None, "agreed": agreed, "people": people})
        return
    if terms is None:
        sys.stdout.write("there are no rules of use: declare some with aver governance declare\n")
        return
    sys.stdout.write(f"version {terms.digest[:12]}: {agreed} agreed\n")
    table(("user", "agreed"), [(each["user"], _at(each["agreed"])) for each in people])


@app.command()
def show(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Print the text in force."""
    with Session.of(context).application() as application:
        terms = application.tenant(tenant).governance.use.terms
    if as_json:
        print_json({"digest": terms.digest if terms else None, "text": terms.text if terms else None})
    else:
        sys.stdout.write(f"{terms.text}\n" if terms else "there are no rules of use\n")


def _at(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "not yet"
