"""``aver people``: who is in a tenant, with which roles, and who changed that."""

from __future__ import annotations

import getpass
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.principal import ROLES
from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.identity import Change
    from aver.server.application import Application
    from aver.store import Person

__all__ = ["app", "at_this_machine"]

app = typer.Typer(help="People and service accounts of a tenant: what they may do, and that they may not any more.")

User = Annotated[str, typer.Argument(metavar="USER", help="The user's name, or the person's id.")]
Roles = Annotated[
    list[str], typer.Option("--role", metavar="ROLE", help=f"{', '.join(ROLES)}, or one that the bundle names.")
]


def at_this_machine() -> str:
    """Who changes things by the command line, as evidence names them."""
    try:
        return f"command line: {getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "command line"


@app.command("list")
def list_(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List everybody, with their groups and roles of today."""
    with Session.of(context).application() as application:
        found = application.directory.people(_id(application, tenant))
    if as_json:
        print_json({"people": found})
    else:
        table(
            ("user", "id", "kind", "active", "groups", "roles"),
            [(p.user, p.id, p.kind, _yes(p.active), _listed(p.groups), _listed(p.roles)) for p in found],
        )


@app.command("groups")
def groups(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the groups that the identity provider's client has provisioned."""
    with Session.of(context).application() as application:
        found = application.directory.groups(_id(application, tenant))
    if as_json:
        print_json({"groups": found})
    else:
        table(("group", "id", "members"), [(each.name, each.id, len(each.members)) for each in found])


@app.command()
def add(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's name.")],
    tenant: TenantName,
    role: Roles = [],  # noqa: B006 - Typer copies it
    group: Groups = [],  # noqa: B006
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What people call them.")] = "",
    service: Annotated[
        bool, typer.Option("--service", help="A service account: it has keys, and never signs in.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a person or a service account. The groups hold until an identity provider says which."""
    from aver.store import Profile

    with Session.of(context).application() as application, _change(application, tenant) as change:
        person = change.add(user, Profile(name), kind="service" if service else "person")
        person = change.grant(change.claim(person, group, ()), role)
    _print(person, as_json)


@app.command()
def grant(
    context: typer.Context,
    user: User,
    tenant: TenantName,
    role: Roles = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Give somebody these roles, and no others, here. Roles that their groups are mapped to stay. The last owner stays one."""
    with Session.of(context).application() as application, _change(application, tenant) as change:
        person = change.grant(change.get(user), role)
    _print(person, as_json)


@app.command()
def deactivate(context: typer.Context, user: User, tenant: TenantName, as_json: AsJson = False) -> None:
    """Let nothing of theirs open anything any more: sessions, keys, turns of agents. Everywhere within a second."""
    _set_active(context, user, tenant, as_json, active=False)


@app.command()
def activate(context: typer.Context, user: User, tenant: TenantName, as_json: AsJson = False) -> None:
    """Let them act again."""
    _set_active(context, user, tenant, as_json, active=True)


@app.command()
def remove(context: typer.Context, user: User, tenant: TenantName, as_json: AsJson = False) -> None:
    """Forget somebody, and end their sessions and API keys. Their evidence stays: see aver erase."""
    with Session.of(context).application() as application, _change(application, tenant) as change:
        person = change.get(user)
        change.remove(person)
    if as_json:
        print_json({"id": person.id, "removed": True})
    else:
        sys.stdout.write(f"removed {person.user}\n")


@app.command("break-glass")
def break_glass(
    context: typer.Context,
    tenant: TenantName,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why: it is on record, and shown to everybody.")
    ],
    minutes: Annotated[float, typer.Option("--minutes", metavar="N", help="For how long; at most 240.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Take an owner's access for a while, when nobody else can help. It is loud: in evidence, in the log at every use, and at the top of every page."""
    with Session.of(context).application() as application:
        lifetime = timedelta(minutes=minutes)
        key, secret = application.api_keys.break_glass(tenant, reason, lifetime, at_this_machine())
    if as_json:
        print_json({"key": secret, "id": key.id, "expires": key.expires})
    else:
        sys.stdout.write(secret + "\n")
        sys.stderr.write(
            f"This key ({key.id}) opens everything until {key.expires:%H:%M} UTC. Everybody can see that.\n"
        )


@app.command()
def changes(
    context: typer.Context,
    tenant: TenantName,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Print who changed what of people, groups, roles and keys, and who signed in, as evidence has it."""
    from aver.server.identity import every_change

    with Session.of(context).application() as application:
        newest = deque(every_change(application.tenant(tenant).ledger), maxlen=limit)
    if as_json:
        print_json({"changes": list(newest)})
    else:
        rows = [(f"{c['at']:%Y-%m-%d %H:%M:%S}", c["kind"], _what(c["facts"]), c["about"], c["by"]) for c in newest]
        table(("at", "kind", "what", "about", "by"), rows)


@contextmanager
def _change(application: Application, tenant: str) -> Iterator[Change]:
    with application.directory.change(_id(application, tenant), at_this_machine()) as change:
        yield change


def _set_active(context: typer.Context, user: str, tenant: str, as_json: bool, *, active: bool) -> None:
    with Session.of(context).application() as application, _change(application, tenant) as change:
        person = change.save(replace(change.get(user), active=active))
    _print(person, as_json)


def _print(person: Person, as_json: bool) -> None:
    if as_json:
        print_json(person)
    else:
        table(("user", "id", "active", "roles"), [(person.user, person.id, _yes(person.active), _listed(person.roles))])


def _id(application: Application, tenant: str) -> str:
    return application.tenant(tenant).store.tenant.id


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _what(facts: dict[str, object]) -> str:
    """What of a change is in clear and short."""
    named = [str(facts[name]) for name in ("event", "with") if name in facts]
    given = facts.get("roles")
    return " ".join([*named, *(map(str, given) if isinstance(given, list) else ())])
