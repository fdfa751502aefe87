"""Open an installation's storage; create, find and enter tenants."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.store.control import tenants
from aver.store.embedded import EmbeddedTenantStore, sqlite_engine
from aver.store.schema import control_metadata, tenant_metadata
from aver.store.types import Tenant, TenantStore

__all__ = ["Store"]


class Store:
    """All persistence of one installation, under one data directory."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        self._control = sqlite_engine(data / "control.db")
        self._open: dict[str, EmbeddedTenantStore] = {}
        control_metadata.create_all(self._control)

    def create_tenant(self, name: str) -> Tenant:
        if not name or len(name) > 100 or not name.isprintable() or name != name.strip():
            raise InvalidInput(f"{name[:60]!r} is not a valid tenant name", "Use 1 to 100 printable characters.")
        tenant = Tenant(new_id("tenant"), name, datetime.now(UTC))
        (self._data / "tenants" / tenant.id).mkdir(parents=True)
        try:
            with self._control.begin() as connection:
                row = {"id": tenant.id, "name": name, "created": tenant.created.isoformat()}
                connection.execute(insert(tenants), row)
        except IntegrityError:
            (self._data / "tenants" / tenant.id).rmdir()
            raise Conflict(f"Tenant {name!r} exists already", "Choose another name.") from None
        return tenant

    def tenants(self) -> list[Tenant]:
        with self._control.connect() as connection:
            rows = connection.execute(select(tenants).order_by(tenants.c.id)).all()
        return [Tenant(row.id, row.name, datetime.fromisoformat(row.created)) for row in rows]

    def tenant(self, name: str) -> TenantStore:
        """Enter a tenant by name or id; :class:`NotFound` when there is none."""
        for tenant in self.tenants():
            if name in (tenant.name, tenant.id):
                return self._enter(tenant)
        raise NotFound(
            "There is no such tenant, or it is not yours", "Check the name, or create it: aver tenant create NAME"
        )

    def _enter(self, tenant: Tenant) -> TenantStore:
        if tenant.id not in self._open:
            opened = EmbeddedTenantStore(tenant, self._data / "tenants" / tenant.id)
            tenant_metadata.create_all(opened._engine)
            self._open[tenant.id] = opened
        return self._open[tenant.id]

    def close(self) -> None:
        for opened in self._open.values():
            opened.close()
        self._control.dispose()
