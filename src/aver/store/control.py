"""The control tables: which tenants exist, and which API keys open them."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Table

from aver.store.schema import TEXT, control_metadata

__all__ = ["api_keys", "tenants"]

tenants = Table(
    "tenants",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("created", TEXT, nullable=False),
)

api_keys = Table(
    "api_keys",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column("tenant", TEXT, ForeignKey(tenants.c.id), nullable=False, index=True),
    Column("digest", TEXT, nullable=False, unique=True),  # SHA-256 of the secret, hexadecimal
    Column("user", TEXT, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created", TEXT, nullable=False),
)
