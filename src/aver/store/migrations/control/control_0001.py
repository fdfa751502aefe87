"""Tenants, API keys and kill switches.

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
    op.create_table(
        "rollout_figures",
        sa.Column("rollout", TEXT, nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rollout", name="pk_rollout_figures"),
    )
    define_aver_tenant(op.get_bind())
    for table in ("tenants", "api_keys", "switches", "rollout_figures"):
        isolate_control_table(op.get_bind(), table)
