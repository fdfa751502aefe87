"""``aver identity``: who vouches for a tenant's people, and what their groups mean."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import NotFound, SettingsError
from aver.core.principal import ROLES
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="Who vouches for a tenant's people: the identity provider, and what its groups and roles mean.")


@app.command()
def declare(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file; docs/identity.md describes it.")],
    tenant: TenantName,
    as_json: AsJson = False,
) -> None:
    """Declare the provider that people sign in with, roles by group, and how long sessions last, in place of what was declared."""
    from aver.identity import Declaration

    with Session.of(context).application() as application:
        known = {*ROLES, *application.bundle().roles}
        declaration = Declaration.parse(_text(file), str(file), known)
        owner = application.tenant(tenant).store.tenant.id
        with application.directory.change(owner, at_this_machine()) as change:
            change.declare(declaration)
    if as_json:
        print_json(declaration.plain())
    else:
        sys.stdout.write(f"declared for {tenant}: {file}\n")


@app.command()
def show(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Print what is declared."""
    with Session.of(context).application() as application:
        declaration = application.directory.declaration(application.tenant(tenant).store.tenant.id)
    if as_json:
        print_json(declaration.plain())
        return
    sign_in = declaration.sign_in
    rows = [
        ("sign in with", sign_in.issuer if sign_in else "API keys alone"),
        ("idle sessions end after", f"{declaration.idle.total_seconds() / 60:g} minutes"),
        ("sessions end after", f"{declaration.absolute.total_seconds() / 3600:g} hours"),
        *((f"group {name}", ", ".join(given)) for name, given in declaration.roles.items()),
    ]
    table(("", ""), rows)


@app.command()
def check(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Ask the provider what it publishes, and say whether people could sign in with it."""
    with Session.of(context).application() as application:
        provider = application.signing_in.provider(application.tenant(tenant).store.tenant.id)
        secret = provider.declared.client_secret
        if secret:
            application.secret(secret)
        found = provider.check()
    if as_json:
        print_json(found)
    else:
        table(("", ""), list(found.items()))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}:1: cannot be read ({type(error).__name__})", "Save it as UTF-8 text.") from None
