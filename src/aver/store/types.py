"""Tenants, API keys, and the session through which alone a tenant's data is reached."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection

__all__ = ["Tenant", "TenantStore"]


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created: datetime


class TenantStore(Protocol):
    """One tenant's data. There is no other way to read or write it."""

    tenant: Tenant
    directory: Path
    """Where this tenant's index and key files live."""

    def begin(self) -> AbstractContextManager[Connection]:
        """A write transaction: commits on leaving, rolls back on an exception; one writer at a time per tenant."""

    def read(self) -> AbstractContextManager[Connection]:
        """A read transaction over one consistent snapshot."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold ``name`` across processes; raises :class:`~aver.core.errors.Conflict` at once when it is held."""

    def master_key(self) -> bytes:
        """32 bytes that wrap this tenant's data keys."""

    def signing_key(self) -> Ed25519PrivateKey:
        """Signs this tenant's checkpoints."""

    def scrub(self) -> None:
        """Make deleted rows unrecoverable from this database's files (after an erasure)."""
