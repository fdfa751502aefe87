"""Open an installation's storage; create, find and enter tenants; issue, check and revoke API keys; stop things."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select
from sqlalchemy.exc import IntegrityError

from aver.core.clock import Clock, SystemClock, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from aver.core.ids import new_id
from aver.core.principal import Principal
from aver.store import keys, switches
from aver.store.control import tenants
from aver.store.faults import translated
from aver.store.files import exclusive, make_tenant_directory, private_directory, sync_directory
from aver.store.switches import Switch, SwitchKind
from aver.store.types import ApiKey, Database, Tenant, TenantStore

__all__ = ["Store"]

_LONGEST_NAME = 100
_UNFINISHED = ".new-"
"""How the directory of a tenant in the making begins: never entered, removed when the next tenant is made."""


class Store:
    """All persistence of one installation: files under ``data``, rows in SQLite there or in Postgres at ``database_url``.

    Opening makes what is missing and migrates what is older; threads and processes may open the same data at once.
    """

    def __init__(self, data: Path, database_url: str | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tenants = data / "tenants"
        self._lock = data / "store.lock"
        try:
            with translated():
                private_directory(data)
                private_directory(self._tenants)
                with exclusive(self._lock):
                    self._database = _open_database(data, database_url)
        except OSError as error:
            raise Unavailable(
                f"The data directory {data} cannot be used ({error.strerror})",
                "Correct its permissions, or choose another: --data DIR or AVER_DATA.",
            ) from error

    def create_tenant(self, name: str) -> Tenant:
        """A new, empty tenant; :class:`Conflict` when the name is taken. Nothing is left of one that could not be made."""
        _check_name(name)
        tenant = Tenant(new_id("tenant"), name, self._clock.now())
        unfinished, directory = self._tenants / f"{_UNFINISHED}{tenant.id}", self._tenants / tenant.id
        with translated(), exclusive(self._lock):
            for leftover in self._tenants.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(leftover)
            try:
                with self._database.read() as tx:
                    if _find(tx, name) is not None:
                        raise _taken(name)
                make_tenant_directory(unfinished)
                self._database.prepare(unfinished)
                with self._database.write() as tx:
                    tx.execute(insert(tenants), {"id": tenant.id, "name": name, "created": rfc3339(tenant.created)})
                    unfinished.rename(directory)  # before the commit: a tenant that is listed has its directory
                    sync_directory(self._tenants)
            except IntegrityError:
                raise _taken(name) from None
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return tenant

    def tenants(self) -> list[Tenant]:
        """All tenants, oldest first."""
        with self._database.read() as tx:
            rows = tx.execute(select(tenants).order_by(tenants.c.id)).all()
        return [_read(row) for row in rows]

    def tenant(self, name: str) -> TenantStore:
        """Enter a tenant by name or id; :class:`NotFound` when there is none."""
        tenant = self._tenant(name)
        return self._database.enter(tenant, self._tenants / tenant.id)

    def create_key(
        self,
        tenant: str,
        user: str,
        groups: Iterable[str] = (),
        roles: Iterable[str] = (),
        scopes: Iterable[str] = (),
        expires: datetime | None = None,
        reason: str = "",
    ) -> tuple[ApiKey, str]:
        """A new API key and its secret, which cannot be shown again. Without ``scopes`` it is for all that its roles give."""
        only = frozenset(scopes) or None
        principal = Principal(self._tenant(tenant).id, user, frozenset(groups), frozenset(roles), only)
        with self._database.write() as tx:
            return keys.issue(tx, principal, self._clock.now(), expires, reason)

    def authenticate(self, secret: str) -> ApiKey:
        """The key whose secret this is, its tenant by id; :class:`Unauthenticated` when there is none."""
        with self._database.read() as tx:
            return keys.authenticate(tx, secret, self._clock.now())

    def keys(self, tenant: str) -> list[ApiKey]:
        """The API keys of a tenant, oldest first."""
        owner = self._tenant(tenant).id
        with self._database.read() as tx:
            return keys.of_tenant(tx, owner)

    def revoke_key(self, tenant: str, key: str) -> None:
        """End a key by its id, at once; :class:`NotFound` when the tenant has none such."""
        owner = self._tenant(tenant).id
        with self._database.write() as tx:
            keys.revoke(tx, owner, key)

    def revoke_user_keys(self, tenant: str, user: str) -> int:
        """End all keys of a user and make their rows unrecoverable, for an erasure; how many there were."""
        owner = self._tenant(tenant).id
        with self._database.write() as tx:
            revoked = keys.revoke_user(tx, owner, user)
        self._database.scrub()
        return revoked

    def throw_switch(
        self, kind: SwitchKind, name: str = "", tenant: str = "", *, reason: str, value: str = ""
    ) -> Switch:
        """Stop a tool, a feature, a model, a provider or a source (by ``name``), a tenant or the installation, or hold a guardrail or a limit tighter, on
        every replica within a second. With ``tenant`` it holds for that one alone. Raises :class:`InvalidInput` for what cannot be stopped."""
        owner = self._tenant(tenant).id if tenant else ""
        with self._database.write() as tx:
            return switches.throw(tx, kind, name, owner, reason, self._clock.now(), value)

    def lift_switch(self, switch: str) -> Switch:
        """Let go on what a switch stopped, by its id; :class:`NotFound` when there is none."""
        with self._database.write() as tx:
            return switches.lift(tx, switch)

    def switches(self) -> list[Switch]:
        """Everything that is stopped, oldest first."""
        with self._database.read() as tx:
            return switches.thrown(tx)

    def begin(self) -> AbstractContextManager[Connection]:
        """A write transaction over the control tables, for packages that keep installation-wide rows there; as
        :meth:`~aver.store.types.TenantStore.begin`."""
        return self._database.write()

    def read(self) -> AbstractContextManager[Connection]:
        """A read transaction over the control tables; as :meth:`~aver.store.types.TenantStore.read`."""
        return self._database.read()

    def problem(self) -> str:
        """As :meth:`~aver.store.types.TenantStore.problem`, of the control tables."""
        return self._database.problem()

    def recover(self) -> bool:
        """As :meth:`~aver.store.types.TenantStore.recover`, of the control tables."""
        return self._database.recover()

    def close(self) -> None:
        self._database.close()

    def _tenant(self, name: str) -> Tenant:
        tenant = None
        if name.isprintable():  # no database takes a name with NUL or half a character even as a question
            with self._database.read() as tx:
                tenant = _find(tx, name)
        if tenant is None:
            raise NotFound(
                "There is no such tenant, or it is not yours", "Check the name, or create it: aver tenant create NAME."
            )
        return tenant


def _open_database(data: Path, database_url: str | None) -> Database:
    if database_url:
        from aver.store.postgres import PostgresDatabase

        return PostgresDatabase(database_url)
    from aver.store.embedded import EmbeddedDatabase

    return EmbeddedDatabase(data)


def _find(tx: Connection, name: str) -> Tenant | None:
    row = tx.execute(select(tenants).where(or_(tenants.c.id == name, tenants.c.name == name))).one_or_none()
    return None if row is None else _read(row)


def _read(row: Row[Any]) -> Tenant:
    return Tenant(row.id, row.name, datetime.fromisoformat(row.created))


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise InvalidInput(
            f"{name[:60]!r} is not a valid tenant name", f"Use 1 to {_LONGEST_NAME} printable characters."
        )
    if name.startswith("tenant_"):
        raise InvalidInput(f"{name[:60]!r} looks like the id of a tenant", "Begin it with another word.")


def _taken(name: str) -> Conflict:
    return Conflict(f"Tenant {name!r} exists already", "Choose another name.")
