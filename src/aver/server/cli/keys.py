"""``aver keys``: API keys, each bound to a tenant, a user and groups."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="API keys, each bound to a tenant, a user and groups.")


@app.command()
def create(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            metavar="ROLE",
            help="admin: may see how the tenant's sources stand, whoever may read them, and stop what acts. Or one that an agent's "
            "four_eyes names, whose holders approve.",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once and stored only as a digest."""
    with Session.of(context).application() as application:
        key, secret = application.create_key(tenant, user, group, role)
    if as_json:
        print_json({"key": secret, "id": key.id})
    else:
        sys.stdout.write(secret + "\n")
        sys.stderr.write(f"This key ({key.id}) is shown only now; keep it as you keep a password.\n")


@app.command("list")
def list_(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the keys of a tenant, without their secrets."""
    with Session.of(context).application() as application:
        found = application.store.keys(tenant)
    if as_json:
        print_json({"keys": found})
    else:
        rows = [
            (k.id, k.user, ", ".join(sorted(k.groups)), ", ".join(sorted(k.roles)), f"{k.created:%Y-%m-%d %H:%M}")
            for k in found
        ]
        table(("key", "user", "groups", "roles", "created"), rows)


@app.command()
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from the list.")],
    tenant: TenantName,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: it opens nothing from now on."""
    with Session.of(context).application() as application:
        application.revoke_key(tenant, key)
    if as_json:
        print_json({"id": key, "revoked": True})
    else:
        sys.stdout.write(f"revoked {key}\n")
