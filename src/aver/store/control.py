"""The control tables: which tenants exist, which API keys open them, and what is stopped."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, Table, UniqueConstraint

from aver.store.schema import TEXT, control_metadata

__all__ = ["api_keys", "rollout_figures", "switches", "tenants"]

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

switches = Table(
    "switches",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),  # tool, feature, model, tenant, installation
    Column("name", TEXT, nullable=False),  # of the tool, the feature or the model; empty for the others
    Column("tenant", TEXT, nullable=False),  # the id of the only tenant it holds for, or empty for all
    Column("reason", TEXT, nullable=False),
    Column("thrown", TEXT, nullable=False),
    UniqueConstraint("kind", "name", "tenant"),
)

rollout_figures = Table(
    "rollout_figures",
    control_metadata,
    Column("rollout", TEXT, primary_key=True),
    Column("figures", JSON, nullable=False),  # sums over turns, and how far the evidence was read
    Column("revision", Integer, nullable=False),  # counts every change; whoever writes names the one they have read
)
