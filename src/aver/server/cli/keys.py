"""``aver keys``: API keys, each bound to a tenant, a user and groups."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName
from aver.server.cli.output import print_json, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.store import ApiKey

__all__ = ["app"]

app = typer.Typer(help="API keys, each bound to a tenant, a user and groups.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id, from the list.")]


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
            help="What the key may do: see aver roles. Or a role that an agent's four_eyes names, whose holders approve.",
        ),
    ] = [],  # noqa: B006 - Typer copies it
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope", metavar="PERMISSION", help="Only this, of all that the roles give; repeat it for more."
        ),
    ] = [],  # noqa: B006
    days: Annotated[
        float | None, typer.Option("--days", metavar="N", help="After so many days it opens nothing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once and stored only as a digest. Of a user whom the tenant knows it gives no more than they have."""
    lifetime = None if days is None else timedelta(days=days)
    with Session.of(context).application() as application:
        key, secret = application.api_keys.create(tenant, user, group, role, scope, lifetime, at_this_machine())
    _print(key, secret, as_json)


@app.command("list")
def list_(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the keys of a tenant, without their secrets."""
    with Session.of(context).application() as application:
        found = application.store.keys(tenant)
    if as_json:
        print_json({"keys": found})
    else:
        rows = [
            (
                k.id,
                k.user,
                ", ".join(sorted(k.groups)),
                ", ".join(sorted(k.roles)),
                ", ".join(sorted(k.scopes or ())),
                f"{k.created:%Y-%m-%d %H:%M}",
                f"{k.expires:%Y-%m-%d %H:%M}" if k.expires else "",
            )
            for k in found
        ]
        table(("key", "user", "groups", "roles", "scopes", "created", "expires"), rows)


@app.command()
def rotate(
    context: typer.Context,
    key: Id,
    tenant: TenantName,
    overlap: Annotated[
        float, typer.Option("--overlap", metavar="HOURS", help="For so long the old key opens things too.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a key in place of another, for the same and as long."""
    with Session.of(context).application() as application:
        new, secret = application.api_keys.rotate(tenant, key, timedelta(hours=overlap), at_this_machine())
    _print(new, secret, as_json)


@app.command()
def revoke(context: typer.Context, key: Id, tenant: TenantName, as_json: AsJson = False) -> None:
    """Revoke a key: it opens nothing from now on."""
    with Session.of(context).application() as application:
        application.revoke_key(tenant, key, at_this_machine())
    if as_json:
        print_json({"id": key, "revoked": True})
    else:
        sys.stdout.write(f"revoked {key}\n")


def _print(key: ApiKey, secret: str, as_json: bool) -> None:
    if as_json:
        print_json({"key": secret, "id": key.id})
    else:
        sys.stdout.write(secret + "\n")
        sys.stderr.write(f"This key ({key.id}) is shown only now; keep it as you keep a password.\n")
