"""The control database: which tenants exist, and which API keys open them."""

from __future__ import annotations

from sqlalchemy import JSON, Column, String, Table

from aver.store.schema import control_metadata

__all__ = ["api_keys", "tenants"]

tenants = Table(
    "tenants",
    control_metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created", String, nullable=False),
)

api_keys = Table(
    "api_keys",
    control_metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False, index=True),
    Column("digest", String, nullable=False, unique=True),
    Column("user", String, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("created", String, nullable=False),
)
