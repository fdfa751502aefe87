"""What may be done with Aver itself: each permission by name, and whether somebody's roles give it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, Literal, get_args

from aver.core import Principal
from aver.core.errors import Forbidden, InvalidInput
from aver.core.principal import MEMBER, OWNER, ROLES
from aver.policy.cedar import cedar, resource, schema
from aver.policy.statements import statements

__all__ = ["PERMISSIONS", "USE", "Permission", "allowed", "check", "check_scopes", "permissions_of"]

Permission = Literal[
    "ask",
    "read",
    "act",
    "models",
    "oversee",
    "triage",
    "release",
    "stop",
    "administer",
    "own",
    "audit",
    "inspect",
    "provision",
]
PERMISSIONS: Mapping[Permission, str] = {
    "ask": "ask the assistant, and see one's own conversations and turns",
    "read": "search, and read documents that one may read",
    "act": "have agents do something, and answer what they ask",
    "models": "call models through the gateway",
    "oversee": "see how the tenant stands: all sources, lineage, releases, environments, metrics, people",
    "triage": "read what people say of answers, with their questions, and decide what becomes of it",
    "release": "promote releases and roll them back",
    "stop": "throw and lift kill switches",
    "administer": "change people, roles and API keys",
    "own": "make others owner, and take it from them",
    "audit": "see every change of people, roles and keys",
    "inspect": "look at what others asked and were answered, as far as one may read what it rests on; each look is on record",
    "provision": "be the identity provider's client for SCIM",
}
"""What each permission is for, in words that follow *may*."""
USE: tuple[Permission, ...] = ("ask", "read", "act", "models")
"""What every member may."""

_INSIDE: Mapping[str, tuple[str, ...]] = {
    OWNER: ("admin",),
    "admin": ("operator",),
    **dict.fromkeys(("operator", "builder", "reviewer"), (MEMBER,)),
}
"""The roles whose permissions a role has too."""
_FILE = "access.cedar"
_MOST_KEPT = 4096


def check(principal: Principal, *permissions: Permission, tenant: str | None = None) -> None:
    """Raise :class:`Forbidden` unless ``principal`` has one of the permissions, in the tenant with this id or in their own."""
    if any(allowed(principal, each, tenant) for each in permissions):
        return
    if principal.scopes is not None and principal.scopes.isdisjoint(permissions):
        scopes = " or ".join(map(repr, permissions))
        raise Forbidden(f"The API key is not for this: it lacks the scope {scopes}", "Use another key.")
    roles = " or ".join(repr(role) for role in ROLES if not set(permissions).isdisjoint(permissions_of(role)))
    raise Forbidden(f"This takes the role {roles}", "Ask an admin of your tenant: aver people grant.")


def allowed(principal: Principal, permission: Permission, tenant: str | None = None) -> bool:
    """Whether ``principal`` has the permission. What cannot be judged is not allowed."""
    roles = frozenset(principal.roles) & frozenset(ROLES)
    within = principal.scopes is None or permission in principal.scopes
    known = (tenant or principal.tenant, principal.scopes is not None, within)
    return _decide(principal.tenant, tuple(sorted(roles)) or (MEMBER,), permission, *known)


def permissions_of(role: str) -> tuple[Permission, ...]:
    """What one role gives, in the order of :data:`PERMISSIONS`."""
    somebody = Principal("tenant", "somebody", roles=frozenset({role}))
    return tuple(each for each in PERMISSIONS if allowed(somebody, each))


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """``scopes`` when each is a permission; else :class:`InvalidInput`."""
    given = frozenset(scopes)
    for each in sorted(given - frozenset(get_args(Permission))):
        raise InvalidInput(f"There is no scope {each[:60]!r}", f"There is {', '.join(get_args(Permission))}.")
    return given


@lru_cache(_MOST_KEPT)
def _decide(mine: str, roles: tuple[str, ...], permission: str, tenant: str, scoped: bool, within: bool) -> bool:
    asked = {
        "principal": {"type": "User", "id": mine},
        "action": {"type": "Action", "id": permission},
        "resource": {"type": "Tenant", "id": tenant},
        "context": {"tenant": tenant, "scoped": scoped, "within": within},
    }
    answer = cedar().is_authorized(asked, _policies(), _entities(mine, roles), schema("access"))
    return bool(answer.allowed) and not answer.diagnostics.errors


@cache
def _policies() -> Any:
    """The rules, checked against their schema."""
    text = resource(_FILE)
    assert cedar().validate_policies(text, schema("access")).validation_passed
    return cedar().PolicySet.from_str("\n".join(each.text for each in statements(text, _FILE)))


def _entities(tenant: str, roles: tuple[str, ...]) -> str:
    """A user of the tenant with these roles, and the roles with those inside them."""
    user = {
        "uid": {"type": "User", "id": tenant},
        "attrs": {"tenant": tenant},
        "parents": [_role(each) for each in roles],
    }
    known = [
        {"uid": _role(each), "attrs": {}, "parents": [_role(it) for it in _INSIDE.get(each, ())]} for each in ROLES
    ]
    return json.dumps([user, *known, *_actions()])


def _actions() -> list[dict[str, Any]]:
    above = {each: "use" if each in USE else "access" for each in PERMISSIONS} | {"use": "access"}
    named = [{"uid": _action(name), "attrs": {}, "parents": [_action(group)]} for name, group in above.items()]
    return [*named, {"uid": _action("access"), "attrs": {}, "parents": []}]


def _role(name: str) -> dict[str, str]:
    return {"type": "Role", "id": name}


def _action(name: str) -> dict[str, str]:
    return {"type": "Action", "id": name}
