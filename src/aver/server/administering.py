"""People, keys and switches of a tenant changed by somebody of it, over HTTP or in the console: the same rules by either way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from aver.core.errors import Forbidden, InvalidInput, NotFound
from aver.core.principal import OWNER, Principal
from aver.policy.access import check
from aver.server.switching import lift_switch
from aver.store import ApiKey, Person, PersonKind, Profile

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = [
    "add_person",
    "create_key",
    "erase_user",
    "grant_roles",
    "lift",
    "remove_person",
    "revoke_key",
    "rotate_key",
    "set_active",
]


def add_person(
    application: Application,
    principal: Principal,
    user: str,
    kind: PersonKind = "person",
    *,
    name: str = "",
    email: str = "",
    groups: Collection[str] = (),
    roles: Collection[str] = (),
) -> Person:
    """Somebody new. To make them owner takes an owner."""
    if name and not name.isprintable():
        raise InvalidInput("name: expected printable characters", "Leave control characters out.")
    with application.directory.change(principal.tenant, principal.user) as change:
        _check_owner(principal, (), roles)
        person = change.add(user, Profile(name, email=email), kind=kind)
        person = change.claim(person, groups, ())
        return change.grant(person, roles)


def grant_roles(application: Application, principal: Principal, person: str, roles: Collection[str]) -> Person:
    """Give somebody these roles, and no others, here. To make an owner, or to take that from one, takes an owner."""
    with application.directory.change(principal.tenant, principal.user) as change:
        found = change.get(person)
        _check_owner(principal, found.granted, roles)
        return change.grant(found, roles)


def set_active(application: Application, principal: Principal, person: str, active: bool) -> Person:
    """Let somebody act, or not any more."""
    with application.directory.change(principal.tenant, principal.user) as change:
        found = change.get(person)
        _check_owner(principal, found.roles, ())
        return change.save(replace(found, active=active))


def remove_person(application: Application, principal: Principal, person: str) -> str:
    """Forget somebody, with their sessions and API keys; the id they had."""
    with application.directory.change(principal.tenant, principal.user) as change:
        found = change.get(person)
        _check_owner(principal, found.roles, ())
        change.remove(found)
        return found.id


def erase_user(application: Application, principal: Principal, user: str) -> dict[str, object]:
    """Destroy the key of a user's content; the sealed receipt. To erase an owner takes an owner."""
    from aver.governance.erasure import seal
    from aver.server.persons import erase_person

    person = application.directory.find(principal.tenant, user)
    if person is not None:
        _check_owner(principal, person.roles, ())
    receipt = erase_person(application, principal.tenant, user, principal.user)
    return seal(application.tenant(principal.tenant).store, receipt)


def create_key(
    application: Application,
    principal: Principal,
    user: str,
    *,
    groups: Iterable[str] = (),
    roles: Iterable[str] = (),
    scopes: Iterable[str] = (),
    days: float | None = None,
) -> tuple[ApiKey, str]:
    """A key for a service account or for whoever makes it. Nobody else's: it would speak for them."""
    _check_own(application, principal, user)
    only = frozenset(scopes)
    if principal.scopes is not None:
        # What a key may not do, no key that it makes may.
        only = only & principal.scopes if only else principal.scopes
    lifetime = None if days is None else timedelta(days=days)
    return application.api_keys.create(principal.tenant, user, groups, roles, only, lifetime, principal.user)


def rotate_key(
    application: Application, principal: Principal, key: str, overlap_hours: float = 0
) -> tuple[ApiKey, str]:
    """A key in place of one of a service account or of one's own, for the same and as long."""
    _check_own(application, principal, _find(application, principal, key).user)
    overlap = timedelta(hours=overlap_hours)
    return application.api_keys.rotate(principal.tenant, key, overlap, principal.user)


def revoke_key(application: Application, principal: Principal, key: str) -> None:
    """End a key of the tenant, whoever's it is."""
    application.revoke_key(principal.tenant, key, principal.user)


def lift(application: Application, principal: Principal, switch: str) -> None:
    """Let go on what was stopped for the principal's tenant alone. Raises :class:`~aver.core.errors.NotFound`."""
    for each in application.store.switches():
        if (each.id, each.tenant) == (switch, principal.tenant):
            return lift_switch(application, each, by=principal.user)
    raise NotFound("There is no such switch, or it is not your tenant's", "See what is stopped: GET /v1/switches")


def _check_owner(principal: Principal, before: Collection[str], after: Collection[str]) -> None:
    """Only an owner makes an owner, and only an owner takes that away."""
    if (OWNER in before) != (OWNER in after):
        check(principal, "own")


def _check_own(application: Application, principal: Principal, user: str) -> None:
    person = application.directory.find(principal.tenant, user)
    if person is None:
        raise NotFound("There is no such service account", "Add it: POST /v1/people with kind service.")
    if person.kind != "service" and person.user != principal.user:
        raise Forbidden("A key of somebody else would speak for them", "Have them make it, or add a service account.")
    if OWNER in person.roles:
        check(principal, "own")


def _find(application: Application, principal: Principal, key: str) -> ApiKey:
    for each in application.store.keys(principal.tenant):
        if each.id == key:
            return each
    raise NotFound("There is no such key, or it is not your tenant's", "See them: GET /v1/keys.")
