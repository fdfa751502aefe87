"""People, service accounts and groups of a tenant. Each function works within the caller's control transaction.

What somebody may do is read anew each time: the roles given here, and those that the tenant's declaration maps the names of
groups and of claimed roles to. Names of users and groups are told apart without regard to case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from aver.core.clock import rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.principal import OWNER, group_reader, user_reader
from aver.store.control import (
    api_keys,
    identity_declarations,
    people,
    people_claims,
    people_groups,
    people_members,
    people_roles,
    sessions,
)
from aver.store.types import Group, Person, PersonKind, Profile

__all__ = [
    "add",
    "add_group",
    "claim",
    "declaration",
    "declarations",
    "declare",
    "end_access",
    "find",
    "get",
    "get_group",
    "grant",
    "groups_of",
    "has_owner",
    "memberships",
    "of_tenant",
    "remove",
    "remove_group",
    "rename_group",
    "save",
    "set_members",
]

_MOST_NAMED = 1000
"""Ids in one query."""


def add(tx: Connection, person: Person) -> None:
    """Add somebody; :class:`Conflict` when the user's name is taken."""
    _check_user(person.user)
    try:
        tx.execute(insert(people), _row(person))
    except IntegrityError:
        raise _taken("user", person.user) from None


def save(tx: Connection, person: Person) -> None:
    """Keep what is known of somebody, but for roles, groups and claims; :class:`Conflict` when the user's name is another's."""
    _check_user(person.user)
    try:
        tx.execute(update(people).where(people.c.id == person.id), _row(person))
    except IntegrityError:
        raise _taken("user", person.user) from None


def remove(tx: Connection, person: Person) -> None:
    """Forget somebody, and end what opens anything in their name."""
    end_access(tx, person)
    for table in (people_roles, people_claims, people_members):
        tx.execute(delete(table).where(table.c.person == person.id))
    tx.execute(delete(people).where(people.c.id == person.id))


def end_access(tx: Connection, person: Person) -> None:
    """End somebody's sessions and API keys."""
    mine = [
        row.id
        for row in tx.execute(select(api_keys.c.id, api_keys.c.user).where(api_keys.c.tenant == person.tenant))
        if row.user.casefold() == person.user.casefold()
    ]
    tx.execute(delete(sessions).where(or_(sessions.c.person == person.id, sessions.c.key.in_(mine))))
    tx.execute(delete(api_keys).where(api_keys.c.id.in_(mine)))


def grant(tx: Connection, person: str, roles: Iterable[str]) -> None:
    """Give the person with this id these roles, and no others, here."""
    tx.execute(delete(people_roles).where(people_roles.c.person == person))
    for role in sorted(set(roles)):
        tx.execute(insert(people_roles), {"person": person, "role": role})


def claim(tx: Connection, person: str, groups: Iterable[str], roles: Iterable[str]) -> None:
    """Keep what the identity provider says of the person with this id now, in place of what it said before."""
    tx.execute(delete(people_claims).where(people_claims.c.person == person))
    values = {("group", each) for each in groups} | {("role", each) for each in roles}
    for kind, value in sorted(values):
        tx.execute(insert(people_claims), {"person": person, "kind": kind, "value": value})


def find(tx: Connection, tenant: str, user: str) -> Person | None:
    """Somebody by their user name."""
    return _one(tx, tenant, people.c.folded == user.casefold()) if user.isprintable() else None


def get(tx: Connection, tenant: str, reference: str) -> Person:
    """Somebody by id or user name; :class:`NotFound` when the tenant has nobody such."""
    person = None
    if reference.isprintable():  # no database takes NUL or half a character even as a question
        person = _one(tx, tenant, or_(people.c.id == reference, people.c.folded == reference.casefold()))
    if person is None:
        raise NotFound("There is nobody of this name, or they are not of your tenant", "See who is: aver people list.")
    return person


def of_tenant(tx: Connection, tenant: str, **equal: str) -> list[Person]:
    """Everybody of the tenant with this id, oldest first; with ``equal`` those of whom a column has this value."""
    if not all(map(str.isprintable, equal.values())):
        return []
    wanted = [people.c[name] == value for name, value in equal.items()]
    rows = tx.execute(select(people).where(people.c.tenant == tenant, *wanted).order_by(people.c.id)).all()
    return _complete(tx, tenant, [_person(row) for row in rows])


def count_active(tx: Connection, tenant: str) -> int:
    """How many people of the tenant with this id may sign in; service accounts are none."""
    wanted = (people.c.tenant == tenant, people.c.kind == "person", people.c.active.is_(True))
    return tx.scalar(select(func.count()).select_from(people).where(*wanted)) or 0


def has_owner(tx: Connection, tenant: str) -> bool:
    """Whether somebody who may sign in owns the tenant with this id."""
    mapped = {value.casefold() for value, roles in _mapped(tx, tenant).items() if OWNER in roles}
    owning = [exists().where(people_roles.c.person == people.c.id, people_roles.c.role == OWNER)]
    if mapped:
        grouped = people_members.c.group == people_groups.c.id
        owning.append(
            exists().where(people_members.c.person == people.c.id, grouped, people_groups.c.folded.in_(mapped))
        )
        # Claims keep the provider's spelling.
        claimed = select(people_claims.c.value).join(people, people.c.id == people_claims.c.person)
        spelt = {row.value for row in tx.execute(claimed.where(people.c.tenant == tenant).distinct())}
        values = sorted(each for each in spelt if each.casefold() in mapped)
        owning.append(exists().where(people_claims.c.person == people.c.id, people_claims.c.value.in_(values)))
    those = select(people.c.id).where(people.c.tenant == tenant, people.c.active, people.c.kind == "person")
    return tx.execute(those.where(or_(*owning)).limit(1)).first() is not None


def declaration(tx: Connection, tenant: str) -> dict[str, Any]:
    """What the tenant with this id declares of its identity provider; empty where it declares nothing."""
    query = select(identity_declarations.c.declared).where(identity_declarations.c.tenant == tenant)
    return tx.execute(query).scalar_one_or_none() or {}


def declarations(tx: Connection) -> dict[str, dict[str, Any]]:
    """What tenants declare, by their ids."""
    rows = tx.execute(select(identity_declarations).order_by(identity_declarations.c.tenant))
    return {row.tenant: row.declared for row in rows}


def declare(tx: Connection, tenant: str, declared: Mapping[str, Any], now: datetime) -> None:
    """Keep what a tenant declares, in place of what it declared before."""
    tx.execute(delete(identity_declarations).where(identity_declarations.c.tenant == tenant))
    if declared:
        row = {"tenant": tenant, "declared": dict(declared), "changed": rfc3339(now)}
        tx.execute(insert(identity_declarations), row)


def add_group(tx: Connection, group: Group) -> None:
    """Add a group without members; :class:`Conflict` when its name is taken."""
    group_reader(group.name)
    try:
        tx.execute(insert(people_groups), _group_row(group))
    except IntegrityError:
        raise _taken("group", group.name) from None


def rename_group(tx: Connection, group: Group) -> None:
    """Keep a group's name and moments; :class:`Conflict` when its name is another's."""
    group_reader(group.name)
    try:
        tx.execute(update(people_groups).where(people_groups.c.id == group.id), _group_row(group))
    except IntegrityError:
        raise _taken("group", group.name) from None


def set_members(tx: Connection, group: Group, members: Collection[str]) -> None:
    """Make the people with these ids the group's members; :class:`NotFound` for one who is not of its tenant."""
    wanted, held = set(members), set(group.members)
    added, gone = sorted(wanted - held), sorted(held - wanted)
    for some in _portions(added):
        query = select(people.c.id).where(people.c.tenant == group.tenant, people.c.id.in_(some))
        if len(some) != len(tx.execute(query).all()):
            raise NotFound("A member of the group is nobody of this tenant", "Provision the people first.")
        tx.execute(insert(people_members), [{"group": group.id, "person": person} for person in some])
    for some in _portions(gone):
        leaving = delete(people_members).where(people_members.c.person.in_(some))
        tx.execute(leaving.where(people_members.c.group == group.id))


def remove_group(tx: Connection, group: Group) -> None:
    tx.execute(delete(people_members).where(people_members.c.group == group.id))
    tx.execute(delete(people_groups).where(people_groups.c.id == group.id))


def groups_of(tx: Connection, tenant: str, **equal: str) -> list[Group]:
    """All groups of the tenant with this id, oldest first; with ``equal`` those of which a column has this value."""
    if not all(map(str.isprintable, equal.values())):
        return []
    wanted = [people_groups.c[name] == value for name, value in equal.items()]
    query = select(people_groups).where(people_groups.c.tenant == tenant, *wanted).order_by(people_groups.c.id)
    found = [_group(row) for row in tx.execute(query)]
    members: dict[str, list[str]] = {group.id: [] for group in found}
    held = select(people_members.c.group, people_members.c.person).join(people_groups).order_by(people_members.c.person)
    for row in tx.execute(held.where(people_groups.c.tenant == tenant, *wanted)):
        members[row.group].append(row.person)
    return [replace(group, members=tuple(members[group.id])) for group in found]


def memberships(tx: Connection, tenant: str, persons: Collection[str]) -> dict[str, list[Group]]:
    """The groups of people by their ids, without the groups' members."""
    held = select(people_groups, people_members.c.person).join(people_members).where(people_groups.c.tenant == tenant)
    if len(persons) <= _MOST_NAMED:  # of more, all are read
        held = held.where(people_members.c.person.in_(sorted(persons)))
    found: dict[str, list[Group]] = {}
    for row in tx.execute(held.order_by(people_groups.c.id)):
        found.setdefault(row.person, []).append(_group(row))
    return found


def get_group(tx: Connection, tenant: str, reference: str) -> Group:
    """A group by its id; :class:`NotFound` when the tenant has none such."""
    found = groups_of(tx, tenant, id=reference)
    if not found:
        raise NotFound(
            "There is no such group, or it is not of your tenant", "See which there are: aver people groups."
        )
    return found[0]


def _one(tx: Connection, tenant: str, condition: Any) -> Person | None:
    row = tx.execute(select(people).where(people.c.tenant == tenant, condition)).first()
    return None if row is None else _complete(tx, tenant, [_person(row)])[0]


def _complete(tx: Connection, tenant: str, found: Sequence[Person]) -> list[Person]:
    """With roles, groups and claims."""
    if not found:
        return []
    few = len(found) <= _MOST_NAMED
    of = people.c.id.in_([each.id for each in found]) if few else people.c.tenant == tenant
    granted: dict[str, set[str]] = {}
    for row in tx.execute(select(people_roles).join(people).where(of)):
        granted.setdefault(row.person, set()).add(row.role)
    claims: dict[tuple[str, str], set[str]] = {}
    for row in tx.execute(select(people_claims).join(people).where(of)):
        claims.setdefault((row.person, row.kind), set()).add(row.value)
    held = select(people_members.c.person, people_groups.c.name).join(people_groups).join(people).where(of)
    for row in tx.execute(held):
        claims.setdefault((row.person, "group"), set()).add(row.name)
    mapped = {value.casefold(): roles for value, roles in _mapped(tx, tenant).items()}
    completed = []
    for each in found:
        mine = frozenset(granted.get(each.id, ()))
        groups = frozenset(claims.get((each.id, "group"), ()))
        claimed = frozenset(claims.get((each.id, "role"), ()))
        given = (role for value in groups | claimed for role in mapped.get(value.casefold(), ()))
        roles = mine.union(given)
        completed.append(replace(each, granted=mine, groups=groups, claimed_roles=claimed, roles=roles))
    return completed


def _mapped(tx: Connection, tenant: str) -> Mapping[str, Sequence[str]]:
    """The roles that names of groups and of the provider's roles stand for."""
    return cast("Mapping[str, Sequence[str]]", declaration(tx, tenant).get("roles", {}))


def _portions(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[at : at + _MOST_NAMED] for at in range(0, len(ids), _MOST_NAMED))


def _check_user(user: str) -> None:
    user_reader(user)
    if user.startswith("person_"):
        raise InvalidInput(f"{user[:60]!r} looks like the id of a person", "Begin it with another word.")


def _taken(kind: str, name: str) -> Conflict:
    return Conflict(f"There is a {kind} {name[:60]!r} already", "Choose another name, or change the one that there is.")


def _row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "tenant": person.tenant,
        "user": person.user,
        "folded": person.user.casefold(),
        "kind": person.kind,
        "active": person.active,
        "provisioned": person.provisioned,
        "profile": asdict(person.profile),
        "external": person.external,
        "issuer": person.issuer,
        "subject": person.subject,
        "created": rfc3339(person.created),
        "changed": rfc3339(person.changed),
    }


def _person(row: Row[Any]) -> Person:
    return Person(
        row.id,
        row.tenant,
        row.user,
        cast(PersonKind, row.kind),
        row.active,
        row.provisioned,
        Profile(**row.profile),
        row.external,
        row.issuer,
        row.subject,
        datetime.fromisoformat(row.created),
        datetime.fromisoformat(row.changed),
    )


def _group_row(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "tenant": group.tenant,
        "name": group.name,
        "folded": group.name.casefold(),
        "external": group.external,
        "created": rfc3339(group.created),
        "changed": rfc3339(group.changed),
    }


def _group(row: Row[Any]) -> Group:
    moments = datetime.fromisoformat(row.created), datetime.fromisoformat(row.changed)
    return Group(row.id, row.tenant, row.name, row.external, *moments)
