"""The control tables: which tenants exist, who is in them and which API keys open them, what is stopped, and which release is in force where."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from aver.store.schema import TEXT, control_metadata

__all__ = [
    "api_keys",
    "environment_moves",
    "environments",
    "identity_declarations",
    "past_rollouts",
    "people",
    "people_claims",
    "people_groups",
    "people_members",
    "people_roles",
    "release_gates",
    "release_sign_offs",
    "release_signatures",
    "release_tags",
    "releases",
    "rollout_figures",
    "sessions",
    "spent_sign_ins",
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
    Column("scopes", JSON, nullable=False),  # the only permissions it is for; empty for all that the roles give
    Column("created", TEXT, nullable=False),
    Column("expires", TEXT, nullable=False),  # empty for never
    Column("reason", TEXT, nullable=False),  # of break-glass access; empty for every other key
)

people = Table(
    "people",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column("tenant", TEXT, ForeignKey(tenants.c.id), nullable=False),
    Column("user", TEXT, nullable=False),
    Column("folded", TEXT, nullable=False),  # the user's name without regard to case
    Column("kind", TEXT, nullable=False),  # person or service
    Column("active", Boolean, nullable=False),
    Column("provisioned", Boolean, nullable=False),  # by SCIM, which alone says what groups they are in
    Column("profile", JSON, nullable=False),
    Column("external", TEXT, nullable=False, index=True),  # what the provisioning client calls them
    Column("issuer", TEXT, nullable=False),  # who vouched at their first sign-in, and for whom
    Column("subject", TEXT, nullable=False, index=True),
    Column("created", TEXT, nullable=False),
    Column("changed", TEXT, nullable=False),
    UniqueConstraint("tenant", "folded"),
)

people_roles = Table(
    "people_roles",
    control_metadata,
    Column("person", TEXT, ForeignKey(people.c.id), primary_key=True),
    Column("role", TEXT, primary_key=True, index=True),
)

people_claims = Table(
    "people_claims",
    control_metadata,
    Column("person", TEXT, ForeignKey(people.c.id), primary_key=True),
    Column("kind", TEXT, primary_key=True),  # group or role
    Column("value", TEXT, primary_key=True, index=True),
)

people_groups = Table(
    "people_groups",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column("tenant", TEXT, ForeignKey(tenants.c.id), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("folded", TEXT, nullable=False),
    Column("external", TEXT, nullable=False),
    Column("created", TEXT, nullable=False),
    Column("changed", TEXT, nullable=False),
    UniqueConstraint("tenant", "folded"),
)

people_members = Table(
    "people_members",
    control_metadata,
    Column("group", TEXT, ForeignKey(people_groups.c.id), primary_key=True),
    Column("person", TEXT, ForeignKey(people.c.id), primary_key=True, index=True),
)

identity_declarations = Table(
    "identity_declarations",
    control_metadata,
    Column("tenant", TEXT, ForeignKey(tenants.c.id), primary_key=True),
    Column("declared", JSON, nullable=False),
    Column("changed", TEXT, nullable=False),
)

sessions = Table(
    "sessions",
    control_metadata,
    Column("digest", TEXT, primary_key=True),  # SHA-256 of the cookie's secret, hexadecimal
    Column("tenant", TEXT, ForeignKey(tenants.c.id), nullable=False),
    Column("key", TEXT, nullable=False, index=True),  # the id of the API key it was begun with, or empty
    Column("person", TEXT, nullable=False, index=True),  # the id of the person who signed in, or empty
    Column("begun", TEXT, nullable=False),
    Column("seen", TEXT, nullable=False),
    Column("ends", TEXT, nullable=False, index=True),
)

spent_sign_ins = Table(
    "spent_sign_ins",
    control_metadata,
    Column("digest", TEXT, primary_key=True),  # of the nonce of a sign-in that was completed
    Column("ends", TEXT, nullable=False, index=True),
)

switches = Table(
    "switches",
    control_metadata,
    Column("id", TEXT, primary_key=True),
    Column(
        "kind", TEXT, nullable=False
    ),  # tool, feature, model, provider, source, guardrail, limit, tenant, installation
    Column(
        "name", TEXT, nullable=False
    ),  # of the tool, the feature, the model ...; empty for a tenant and the installation
    Column("tenant", TEXT, nullable=False),  # the id of the only tenant it holds for, or empty for all
    Column("value", TEXT, nullable=False),  # of a limit, how much; empty for the others
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
