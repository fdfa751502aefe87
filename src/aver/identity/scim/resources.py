"""People and groups as SCIM resources (RFC 7643), and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from aver.core.canonical import canonical_json
from aver.core.clock import rfc3339
from aver.core.errors import InvalidInput
from aver.identity.scim.filter import value_of
from aver.store import Group, Person, Profile

__all__ = [
    "GROUP",
    "USER",
    "BadResource",
    "GivenGroup",
    "GivenUser",
    "group_resource",
    "read_group",
    "read_user",
    "user_resource",
]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_LONGEST = 200
_MOST_MEMBERS = 100_000


class BadResource(InvalidInput):
    """A resource lacks what it needs, or has what it cannot; ``kind`` is what SCIM calls the mistake."""

    slug, status, kind = "bad-resource", 400, "invalidValue"

    def __init__(self, cause: str) -> None:
        super().__init__(cause, "Send it as RFC 7643 has it.")


@dataclass(frozen=True, slots=True)
class GivenUser:
    """What a client says of a person; ``active`` is ``None`` where it does not say. What Aver has no place for is left out."""

    user: str
    active: bool | None
    external: str
    profile: Profile
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GivenGroup:
    name: str
    external: str
    members: tuple[str, ...]


def read_user(resource: Mapping[str, Any]) -> GivenUser:
    """Raises :class:`BadResource`."""
    user = _text(resource, "userName")
    if not user:
        raise BadResource("userName is missing")
    name = value_of(resource, "name")
    if name is not None and not isinstance(name, Mapping):
        raise BadResource("name is no object")
    name = name or {}
    formatted = _text(resource, "displayName") or _text(name, "formatted")
    given, family = _text(name, "givenName"), _text(name, "familyName")
    profile = Profile(formatted or " ".join(filter(None, (given, family))), given, family, _email(resource))
    roles = _values(resource, "roles")
    return GivenUser(user, _active(resource), _text(resource, "externalId"), profile, roles)


def read_group(resource: Mapping[str, Any]) -> GivenGroup:
    """Raises :class:`BadResource`."""
    name = _text(resource, "displayName")
    if not name:
        raise BadResource("displayName is missing")
    return GivenGroup(name, _text(resource, "externalId"), _values(resource, "members"))


def user_resource(person: Person, base: str, groups: Sequence[Group] = ()) -> dict[str, Any]:
    """``base`` is the address of SCIM; ``groups`` are those that the person is in."""
    profile = person.profile
    found: dict[str, Any] = {
        "schemas": [USER],
        "id": person.id,
        "userName": person.user,
        "active": person.active,
        "displayName": profile.name,
        "name": {"formatted": profile.name, "givenName": profile.given, "familyName": profile.family},
        "emails": [{"value": profile.email, "type": "work", "primary": True}] if profile.email else [],
        "roles": [{"value": role} for role in sorted(person.claimed_roles)],
        "groups": [{"value": each.id, "display": each.name, "$ref": f"{base}/Groups/{each.id}"} for each in groups],
    }
    if person.external:
        found["externalId"] = person.external
    return _with_meta(found, "User", person.created, person.changed, f"{base}/Users/{person.id}")


def group_resource(group: Group, base: str, users: Mapping[str, str] | None = None) -> dict[str, Any]:
    """``users`` are the names of members by id, where they are known."""
    members = [_member(each, base, (users or {}).get(each)) for each in group.members]
    found = {"schemas": [GROUP], "id": group.id, "displayName": group.name, "members": members}
    if group.external:
        found["externalId"] = group.external
    return _with_meta(found, "Group", group.created, group.changed, f"{base}/Groups/{group.id}")


def _member(person: str, base: str, user: str | None) -> dict[str, Any]:
    found = {"value": person, "type": "User", "$ref": f"{base}/Users/{person}"}
    return found if user is None else {**found, "display": user}


def _with_meta(
    resource: dict[str, Any], kind: str, created: datetime, changed: datetime, location: str
) -> dict[str, Any]:
    version = sha256(canonical_json(resource)).hexdigest()[:16]
    meta = {
        "resourceType": kind,
        "created": rfc3339(created),
        "lastModified": rfc3339(changed),
        "location": location,
        "version": f'W/"{version}"',
    }
    return {**resource, "meta": meta}


def _text(resource: Mapping[str, Any], name: str) -> str:
    value = value_of(resource, name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise BadResource(f"{name} is no text of up to {_LONGEST} printable characters")
    return value.strip()


def _active(resource: Mapping[str, Any]) -> bool | None:
    value = value_of(resource, "active")
    if isinstance(value, str) and value.casefold() in ("true", "false"):  # as Entra ID writes it
        return value.casefold() == "true"
    if value is not None and not isinstance(value, bool):
        raise BadResource("active is true or false")
    return value


def _email(resource: Mapping[str, Any]) -> str:
    """The primary address, or the first."""
    listed = _objects(resource, "emails")
    chosen = next((each for each in listed if value_of(each, "primary") is True), listed[0] if listed else {})
    return _text(chosen, "value")


def _values(resource: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = dict.fromkeys(_text(each, "value") for each in _objects(resource, name))
    if "" in found:
        raise BadResource(f"A member of {name} has no value")
    return tuple(found)


def _objects(resource: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The members of a list; a text stands for an object with that value."""
    value = value_of(resource, name)
    listed: Iterable[Any] = [] if value is None else value if isinstance(value, list) else [value]
    found = [{"value": each} if isinstance(each, str) else each for each in listed]
    if len(found) > _MOST_MEMBERS or not all(isinstance(each, Mapping) for each in found):
        raise BadResource(f"{name} is no list of objects")
    return found
