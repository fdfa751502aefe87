"""SCIM 2.0 (RFC 7643, RFC 7644) over the people of one tenant: what an identity provider's client reads and changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from aver.core.errors import AverError, Conflict
from aver.identity.directory import Change, Directory
from aver.identity.scim.filter import Compared, Filter, parse_filter, value_of, values_at
from aver.identity.scim.patch import patched
from aver.identity.scim.resources import (
    GivenGroup,
    GivenUser,
    group_resource,
    read_group,
    read_user,
    user_resource,
)
from aver.store import Group, Person, people

__all__ = ["MOST", "Query", "Scim", "StaleResource"]

MOST = 500
"""Resources of one page."""
_FOUND_AT_ONCE: Mapping[str, str] = {"id": "id", "externalid": "external"}
_USER_NAME, _GROUP_NAME = "username", "displayname"
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_WHOLE = ("id", "schemas", "meta")
"""What is always sent."""


class StaleResource(AverError):
    """The resource has changed since the client read it."""

    slug, status = "stale-resource", 412

    def __init__(self) -> None:
        super().__init__("The resource has changed since it was read", "Read it again.")


@dataclass(frozen=True, slots=True)
class Query:
    """What of a list is wanted. ``start`` counts from 1; ``attributes`` are the only ones that are sent, ``without`` those that are not."""

    filter: str = ""
    start: int = 1
    count: int | None = None
    sort: str = ""
    descending: bool = False
    attributes: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def shown(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A resource without what is not wanted of it."""
        only, without = (
            {each.partition(".")[0].casefold() for each in names} for names in (self.attributes, self.without)
        )
        return {
            name: value
            for name, value in resource.items()
            if name in _WHOLE or (name.casefold() in only if only else name.casefold() not in without)
        }


class Scim:
    """One tenant's people and groups. ``base`` is the address that resources are told to be at, ``by`` who asks. Blocking.

    Everything raises :class:`~aver.core.errors.NotFound`, :class:`~aver.core.errors.Conflict` (a name that is taken, the last
    owner), :class:`StaleResource` and what is wrong with the request: :class:`~aver.core.errors.InvalidInput`.
    """

    def __init__(self, directory: Directory, tenant: str, base: str, by: str) -> None:
        self._directory = directory
        self._tenant = tenant
        self._base = base
        self._by = by

    def users(self, query: Query) -> dict[str, Any]:
        found = parse_filter(query.filter) if query.filter else None
        listed: Sequence[Person]
        if (name := _equal(found, _USER_NAME)) is not None:
            person = self._directory.find(self._tenant, name)
            listed = [] if person is None else [person]
        else:
            listed = self._directory.people(self._tenant, **_columns(found))
        # Service accounts are Aver's own: an identity provider that saw them would take them away.
        listed = [each for each in listed if each.kind == "person"]
        groups = self._directory.memberships(self._tenant, [each.id for each in listed])
        return _page(listed, lambda each: user_resource(each, self._base, groups.get(each.id, ())), found, query)

    def user(self, reference: str) -> dict[str, Any]:
        person = self._directory.person(self._tenant, reference)
        groups = self._directory.memberships(self._tenant, [person.id])
        return user_resource(person, self._base, groups.get(person.id, ()))

    def add_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody new; whoever is known by that name, and was not provisioned yet, is taken on."""
        given = read_user(body)
        with self._change() as change:
            person = people.find(change.tx, self._tenant, given.user)
            if person is not None and (person.provisioned or person.kind != "person"):
                raise Conflict(f"There is a user {given.user[:60]!r} already", "Change the one that there is.")
            if person is None:
                person = change.add(given.user, given.profile, provisioned=True, external=given.external)
            person = _kept(change, person, given)
        return self.user(person.id)

    def replace_user(self, reference: str, body: Mapping[str, Any], version: str = "") -> dict[str, Any]:
        return self._change_user(reference, version, lambda _: body)

    def patch_user(self, reference: str, body: Mapping[str, Any], version: str = "") -> dict[str, Any]:
        return self._change_user(reference, version, lambda resource: patched(resource, body))

    def remove_user(self, reference: str) -> None:
        with self._change() as change:
            change.remove(people.get(change.tx, self._tenant, reference))

    def groups(self, query: Query) -> dict[str, Any]:
        found = parse_filter(query.filter) if query.filter else None
        equal = _columns(found)
        if (name := _equal(found, _GROUP_NAME)) is not None:
            equal = {"folded": name.casefold()}
        listed = self._directory.groups(self._tenant, **equal)
        return _page(listed, lambda each: group_resource(each, self._base), found, query)

    def group(self, reference: str) -> dict[str, Any]:
        group = self._directory.group(self._tenant, reference)
        named = {each.id: each.user for each in self._directory.people(self._tenant)} if group.members else {}
        return group_resource(group, self._base, named)

    def add_group(self, body: Mapping[str, Any]) -> dict[str, Any]:
        given = read_group(body)
        with self._change() as change:
            group = _kept_group(change, change.add_group(given.name, given.external), given)
        return self.group(group.id)

    def replace_group(self, reference: str, body: Mapping[str, Any], version: str = "") -> dict[str, Any]:
        return self._change_group(reference, version, lambda _: body)

    def patch_group(self, reference: str, body: Mapping[str, Any], version: str = "") -> dict[str, Any]:
        return self._change_group(reference, version, lambda resource: patched(resource, body))

    def remove_group(self, reference: str) -> None:
        with self._change() as change:
            change.remove_group(people.get_group(change.tx, self._tenant, reference))

    def _change(self) -> AbstractContextManager[Change]:
        return self._directory.change(self._tenant, self._by)

    def _change_user(
        self, reference: str, version: str, made: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> dict[str, Any]:
        with self._change() as change:
            person = people.get(change.tx, self._tenant, reference)
            held = people.memberships(change.tx, self._tenant, [person.id])
            resource = user_resource(person, self._base, held.get(person.id, ()))
            _check_version(resource, version)
            _kept(change, person, read_user(made(resource)))
        return self.user(person.id)

    def _change_group(
        self, reference: str, version: str, made: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> dict[str, Any]:
        with self._change() as change:
            group = people.get_group(change.tx, self._tenant, reference)
            resource = group_resource(group, self._base)
            _check_version(resource, version)
            _kept_group(change, group, read_group(made(resource)))
        return self.group(group.id)


def _kept(change: Change, person: Person, given: GivenUser) -> Person:
    """A person as a client says: what it alone says from now on, whatever a token claims."""
    if not person.provisioned:
        people.claim(change.tx, person.id, (), ())
    person = replace(
        person,
        user=given.user,
        active=person.active if given.active is None else given.active,
        external=given.external,
        profile=given.profile,
        provisioned=True,
    )
    person = change.save(person)
    person = people.get(change.tx, change.tenant, person.id)
    if frozenset(given.roles) != person.claimed_roles:
        person = change.claim(person, (), given.roles)
    return person


def _kept_group(change: Change, group: Group, given: GivenGroup) -> Group:
    return change.save_group(replace(group, name=given.name, external=given.external, members=given.members))


def _check_version(resource: Mapping[str, Any], version: str) -> None:
    if version not in ("", "*", resource["meta"]["version"]):
        raise StaleResource


def _equal(found: Filter | None, attribute: str) -> str | None:
    """The value that one attribute has to have, where a filter is just that: what clients ask for by the thousand."""
    if isinstance(found, Compared) and found.operator == "eq" and found.attribute.casefold() == attribute:
        return found.value if isinstance(found.value, str) else None
    return None


def _columns(found: Filter | None) -> dict[str, str]:
    for attribute, column in _FOUND_AT_ONCE.items():
        if (value := _equal(found, attribute)) is not None:
            return {column: value}
    return {}


def _page(
    listed: Sequence[Any],
    resource_of: Callable[[Any], dict[str, Any]],
    found: Filter | None,
    query: Query,
) -> dict[str, Any]:
    """One page of a list, as RFC 7644, 3.4.2.4 has it: a start below 1 is 1, a count below 0 is 0."""
    start = max(query.start, 1)
    count = MOST if query.count is None else min(max(query.count, 0), MOST)
    on_page = slice(start - 1, start - 1 + count)
    total = len(listed)
    if found is None and not query.sort:
        page = [resource_of(each) for each in listed[on_page]]
    else:
        resources = [resource_of(each) for each in listed]
        if found is not None:
            resources = [each for each in resources if found.matches(each)]
        if query.sort:
            resources.sort(key=lambda each: _order(each, query.sort), reverse=query.descending)
        page, total = resources[on_page], len(resources)
    return {
        "schemas": [_LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": [query.shown(each) for each in page],
    }


def _order(resource: Mapping[str, Any], path: str) -> tuple[bool, str]:
    """What has no value comes last (RFC 7644, 3.4.2.3)."""
    for each in values_at(resource, path):
        value = value_of(each, "value") if isinstance(each, Mapping) else each
        if value is not None:
            return False, str(value).casefold()
    return True, ""
