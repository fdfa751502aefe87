"""The control tables: which tenants exist, which API keys open them, what is stopped, and which release is in force where."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from aver.store.schema import TEXT, control_metadata

__all__ = [
    "api_keys",
    "environment_moves",
    "environments",
    "past_rollouts",
    "release_gates",
    "release_sign_offs",
    "release_signatures",
    "release_tags",
    "releases",
    "rollout_figures",
    "switches",
    "tenants",
]

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

releases = Table(
    "releases",
    control_metadata,
    Column("digest", TEXT, primary_key=True),
    Column("manifest", TEXT, nullable=False),  # canonical JSON, of which the digest is
    Column("created", TEXT, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("provenance", JSON, nullable=False),
)

release_tags = Table(
    "release_tags",
    control_metadata,
    Column("tag", TEXT, primary_key=True),
    Column("digest", TEXT, ForeignKey(releases.c.digest), nullable=False, index=True),
    Column("set", TEXT, nullable=False),
    Column("set_by", TEXT, nullable=False),
)

release_sign_offs = Table(
    "release_sign_offs",
    control_metadata,
    Column("digest", TEXT, ForeignKey(releases.c.digest), nullable=False),
    Column("role", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("note", TEXT, nullable=False),
    PrimaryKeyConstraint("digest", "role", "by"),
)

release_gates = Table(
    "release_gates",
    control_metadata,
    Column("digest", TEXT, ForeignKey(releases.c.digest), nullable=False),
    Column("number", Integer, nullable=False),  # from 1 for each release: clocks may jump, and the last one counts
    Column("outcome", TEXT, nullable=False),  # pass, fail, inconclusive
    Column("at", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("attestation", JSON, nullable=False),
    PrimaryKeyConstraint("digest", "number"),
)

release_signatures = Table(
    "release_signatures",
    control_metadata,
    Column("digest", TEXT, ForeignKey(releases.c.digest), nullable=False),
    Column("key", TEXT, nullable=False),  # SHA-256 of the raw public key, hexadecimal
    Column("envelope", JSON, nullable=False),
    Column("at", TEXT, nullable=False),
    PrimaryKeyConstraint("digest", "key"),
)

environments = Table(
    "environments",
    control_metadata,
    Column("name", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False),  # empty before the first release
    Column("previous", TEXT, nullable=False),
    Column("changed", TEXT, nullable=False),
    Column("rollout", JSON, nullable=False),  # null when none is under way
    Column("revision", Integer, nullable=False),
)

environment_moves = Table(
    "environment_moves",
    control_metadata,
    Column("environment", TEXT, nullable=False),
    Column("revision", Integer, nullable=False),  # of the environment afterwards
    Column("kind", TEXT, nullable=False),  # promoted, rolled_back
    Column("digest", TEXT, nullable=False),
    Column("before", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("lacked", JSON, nullable=False),
    PrimaryKeyConstraint("environment", "revision"),
)

past_rollouts = Table(
    "past_rollouts",
    control_metadata,
    Column("environment", TEXT, nullable=False),
    Column("revision", Integer, nullable=False),  # of the environment that no longer had it
    Column("rollout", JSON, nullable=False),
    Column("ended", TEXT, nullable=False),
    PrimaryKeyConstraint("environment", "revision"),
)

rollout_figures = Table(
    "rollout_figures",
    control_metadata,
    Column("rollout", TEXT, primary_key=True),
    Column("figures", JSON, nullable=False),  # sums over turns, and how far the evidence was read
    Column("revision", Integer, nullable=False),  # counts every change; whoever writes names the one they have read
)
