"""Tenants, API keys, kill switches and releases.

Until 1.0 this one migration is edited in place when ``aver/store/control.py`` changes, and existing data is made anew;
``tests/contract/test_store_migrations.py`` prints what the two lack of each other. From 1.0 on it is frozen, and a
change is a new file.
"""

import sqlalchemy as sa
from alembic import op

from aver.store.isolation import define_aver_tenant, isolate_control_table
from aver.store.schema import TEXT

revision = "control_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_api_keys_tenant_tenants"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])
    op.create_table(
        "switches",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "kind", "name", "tenant", "reason", "thrown")),
        sa.PrimaryKeyConstraint("id", name="pk_switches"),
        sa.UniqueConstraint("kind", "name", "tenant", name="uq_switches_kind_name_tenant"),
    )
    _releases()
    define_aver_tenant(op.get_bind())
    for table in ("tenants", "api_keys", "switches", *_OF_RELEASES):
        isolate_control_table(op.get_bind(), table)


_OF_RELEASES = (
    "releases",
    "release_tags",
    "release_sign_offs",
    "release_gates",
    "release_signatures",
    "environments",
    "environment_moves",
    "past_rollouts",
    "rollout_figures",
)


def _releases() -> None:
    op.create_table(
        "releases",
        *_texts("digest", "manifest", "created", "created_by"),
        _json("provenance"),
        sa.PrimaryKeyConstraint("digest", name="pk_releases"),
    )
    op.create_table(
        "release_tags",
        *_texts("tag", "digest", "set", "set_by"),
        _of_release("release_tags"),
        sa.PrimaryKeyConstraint("tag", name="pk_release_tags"),
    )
    op.create_index("ix_release_tags_digest", "release_tags", ["digest"])
    op.create_table(
        "release_sign_offs",
        *_texts("digest", "role", "by", "at", "note"),
        _of_release("release_sign_offs"),
        sa.PrimaryKeyConstraint("digest", "role", "by", name="pk_release_sign_offs"),
    )
    op.create_table(
        "release_gates",
        *_texts("digest", "outcome", "at", "by"),
        sa.Column("number", sa.Integer(), nullable=False),
        _json("attestation"),
        _of_release("release_gates"),
        sa.PrimaryKeyConstraint("digest", "number", name="pk_release_gates"),
    )
    op.create_table(
        "release_signatures",
        *_texts("digest", "key", "at"),
        _json("envelope"),
        _of_release("release_signatures"),
        sa.PrimaryKeyConstraint("digest", "key", name="pk_release_signatures"),
    )
    op.create_table(
        "environments",
        *_texts("name", "digest", "previous", "changed"),
        _json("rollout"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_environments"),
    )
    op.create_table(
        "environment_moves",
        *_texts("environment", "kind", "digest", "before", "by", "reason", "at"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _json("lacked"),
        sa.PrimaryKeyConstraint("environment", "revision", name="pk_environment_moves"),
    )
    op.create_table(
        "past_rollouts",
        *_texts("environment", "ended"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _json("rollout"),
        sa.PrimaryKeyConstraint("environment", "revision", name="pk_past_rollouts"),
    )
    op.create_table(
        "rollout_figures",
        *_texts("rollout"),
        _json("figures"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rollout", name="pk_rollout_figures"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _of_release(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["digest"], ["releases.digest"], name=f"fk_{table}_digest_releases")
