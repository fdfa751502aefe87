"""The two schemas: one for the control database, one for every tenant's data.

A package declares its tables in its own ``store.py`` with :func:`tenant_table`. Each such table carries the tenant in its
key, filled by the database session itself, so no query ever names a tenant: embedded, the file holds only
one; on Postgres, row-level security shows only one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, String, Table, func

__all__ = ["TEXT", "control_metadata", "tenant_metadata", "tenant_table"]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

control_metadata = MetaData(naming_convention=_NAMES)
tenant_metadata = MetaData(naming_convention=_NAMES)

TEXT = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by code point on every engine, whatever the locale of the server."""


def tenant_table(name: str, *items: Any) -> Table:
    """A table of tenant data; its primary key is the columns marked ``primary_key`` followed by ``tenant``.

    The tenant comes last, in keys and in indexes, because queries do not name it: an index that began with it could not
    be used on SQLite. Every text column becomes :data:`TEXT`.
    """
    columns = [item for item in items if isinstance(item, Column)]
    for column in columns:
        if isinstance(column.type, String):
            column.type = TEXT
    tenant = Column("tenant", TEXT, primary_key=True, default=func.aver_tenant())
    constraints = [item for item in items if not isinstance(item, Column)]
    return Table(name, tenant_metadata, *columns, tenant, *constraints)
