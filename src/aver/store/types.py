"""Tenants, API keys, and the session through which alone a tenant's data is reached."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from aver.core.principal import Principal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection

__all__ = ["ApiKey", "Database", "Group", "Person", "PersonKind", "Profile", "Tenant", "TenantStore"]


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Whom a secret stands for. The secret itself is shown once, when it is made, and never stored."""

    id: str
    tenant: str
    """The tenant's id."""
    user: str
    groups: frozenset[str]
    roles: frozenset[str]
    created: datetime
    scopes: frozenset[str] | None = None
    """The only permissions that it is for; ``None`` for all that the roles give."""
    expires: datetime | None = None
    reason: str = ""
    """Why access was taken by breaking the glass; empty for every other key."""

    @property
    def principal(self) -> Principal:
        """Whom it stands for."""
        return Principal(self.tenant, self.user, self.groups, self.roles, self.scopes)


PersonKind = Literal["person", "service"]
"""A service account is a person who never signs in: it has roles, groups and API keys."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What people are called, for other people to read. It decides nothing."""

    name: str = ""
    given: str = ""
    family: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a tenant, as known now. ``granted`` are the roles that were given here; ``roles`` those and what the groups and the claims
    of the identity provider are mapped to. Without ``active`` nothing of theirs opens anything."""

    id: str
    tenant: str
    user: str
    kind: PersonKind
    active: bool
    provisioned: bool
    """By SCIM: their groups are those that it says, whatever a token claims."""
    profile: Profile
    external: str
    issuer: str
    subject: str
    created: datetime
    changed: datetime
    granted: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    claimed_roles: frozenset[str] = frozenset()
    """The roles by the provider's names, before they are mapped."""
    roles: frozenset[str] = frozenset()

    @property
    def principal(self) -> Principal:
        """Whom they act as."""
        return Principal(self.tenant, self.user, self.groups, self.roles)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people as provisioned; ``members`` are ids."""

    id: str
    tenant: str
    name: str
    external: str
    created: datetime
    changed: datetime
    members: tuple[str, ...] = ()


class TenantStore(Protocol):
    """One tenant's data. There is no other way to read or write it.

    A full disk raises :class:`~aver.core.errors.StorageFull`; a writer that waited too long, a damaged file or a server that
    is gone raise :class:`~aver.core.errors.Unavailable`. A violated constraint stays SQLAlchemy's ``IntegrityError``.
    """

    tenant: Tenant
    directory: Path
    """Where this tenant's index and key files live."""

    def begin(self) -> AbstractContextManager[Connection]:
        """A write transaction: commits on leaving, rolls back on an exception; one writer at a time per tenant.

        Transactions do not nest: a second one opened inside waits for the first and times out.
        """

    def read(self) -> AbstractContextManager[Connection]:
        """A read transaction over one consistent snapshot, taken at the first query; writing in it fails."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold ``name`` across threads and processes; raises :class:`~aver.core.errors.Conflict` at once when it is held."""

    def master_key(self) -> bytes:
        """32 bytes that wrap this tenant's data keys."""

    def signing_key(self) -> Ed25519PrivateKey:
        """Signs this tenant's checkpoints."""

    def scrub(self) -> None:
        """Make deleted rows unrecoverable from this database's files, as far as the engine can (after an erasure)."""

    def problem(self) -> str:
        """Why what was opened is not there any more, told without asking a server; empty when it is. Nothing is read or written then."""

    def recover(self) -> bool:
        """Put back files that are gone, from what this process still has open; whether it did. Raises
        :class:`~aver.core.errors.Unavailable` where that cannot be done."""


class Database(Protocol):
    """What SQLite and Postgres each do in their own way: the control data, and a way into each tenant's."""

    def write(self) -> AbstractContextManager[Connection]:
        """A write transaction over the control tables; one writer at a time."""

    def read(self) -> AbstractContextManager[Connection]:
        """A read transaction over the control tables."""

    def prepare(self, directory: Path) -> None:
        """Make a new tenant's database in its directory, if it has one of its own."""

    def enter(self, tenant: Tenant, directory: Path) -> TenantStore:
        """The tenant's session, its schema brought up to date. Thread-safe."""

    def scrub(self) -> None:
        """As :meth:`TenantStore.scrub`, for the control tables."""

    def problem(self) -> str:
        """As :meth:`TenantStore.problem`, for the control tables."""

    def recover(self) -> bool:
        """As :meth:`TenantStore.recover`, for the control tables."""

    def close(self) -> None: ...
