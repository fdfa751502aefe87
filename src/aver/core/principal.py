"""Who acts. Passed explicitly everywhere; there is no ambient authority."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from aver.core.errors import InvalidInput

__all__ = [
    "ADMIN",
    "EVERYONE",
    "MEMBER",
    "OWNER",
    "ROLES",
    "Principal",
    "check_reader",
    "check_role",
    "group_reader",
    "user_reader",
]

EVERYONE = "everyone"
OWNER = "owner"
"""The role of those who answer for a tenant: an admin, and the only one who makes others owner."""
ADMIN = "admin"
"""The role of those who keep a tenant's installation: they see how its sources stand, and read no document for it."""
MEMBER = "member"
"""The role of those who ask. Whoever has none of the roles has this one."""
ROLES = (OWNER, ADMIN, "builder", "reviewer", "operator", "auditor", MEMBER)
"""The roles that there are in every tenant; a bundle may name others, in which calls are approved and releases signed off."""
_LONGEST_NAME = 200


def _name(kind: str, value: str) -> str:
    if not value or len(value) > _LONGEST_NAME or not value.isprintable() or value != value.strip():
        raise InvalidInput(
            f"{value[:60]!r} is not a valid {kind} name",
            f"Use 1 to {_LONGEST_NAME} printable characters without spaces around them.",
        )
    return value


def user_reader(user: str) -> str:
    """The reader token of one user, as written in an access list."""
    return f"user:{_name('user', user)}"


def group_reader(group: str) -> str:
    """The reader token of one group, as written in an access list."""
    return f"group:{_name('group', group)}"


def check_reader(token: str) -> str:
    """``token`` itself when it is ``everyone``, ``user:NAME`` or ``group:NAME``; else :class:`InvalidInput`."""
    kind, _, name = token.partition(":")
    if token == EVERYONE:
        return token
    if kind in ("user", "group") and name:
        _name(kind, name)
        return token
    raise InvalidInput(f"{token!r} names no reader", "Write user:NAME, group:NAME or everyone.")


def check_role(role: str, known: Collection[str] = ROLES) -> str:
    """``role`` itself when there is such a role; else :class:`InvalidInput`."""
    if role not in known:
        raise InvalidInput(f"There is no role {role[:60]!r}", f"There is {', '.join(sorted(known))}.")
    return role


@dataclass(frozen=True, slots=True)
class Principal:
    """A user of one tenant, with the groups and roles that the caller has established. An owner is an admin too. ``scopes`` are the only
    permissions that are used of those that the roles give; ``None`` is all of them."""

    tenant: str
    user: str
    groups: frozenset[str] = field(default_factory=frozenset)
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] | None = None

    def __post_init__(self) -> None:
        _name("user", self.user)
        for group in self.groups:
            _name("group", group)
        if OWNER in self.roles and ADMIN not in self.roles:
            object.__setattr__(self, "roles", self.roles | {ADMIN})

    @property
    def subject(self) -> str:
        """Whose data a turn of this principal is: the name that ``aver erase`` takes."""
        return user_reader(self.user)

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    @property
    def readers(self) -> frozenset[str]:
        """Every reader token this principal matches in an access list."""
        return frozenset({EVERYONE, self.subject, *map(group_reader, self.groups)})
