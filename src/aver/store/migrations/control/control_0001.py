"""Tenants, people, API keys, sessions, kill switches and releases.

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
        sa.Column("scopes", sa.JSON(), nullable=False),
        *_texts("created", "expires", "reason"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name="fk_api_keys_tenant_tenants"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])
    op.create_table(
        "switches",
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("id", "kind", "name", "tenant", "value", "reason", "thrown")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_switches"),
        sa.UniqueConstraint("kind", "name", "tenant", name="uq_switches_kind_name_tenant"),
    )
    _people()
    _sessions()
    _releases()
    define_aver_tenant(op.get_bind())
    for table in ("tenants", "api_keys", "switches", *_OF_PEOPLE, *_OF_RELEASES):
        isolate_control_table(op.get_bind(), table)


_OF_PEOPLE = (
    "people",
    "people_roles",
    "people_claims",
    "people_groups",
    "people_members",
    "identity_declarations",
    "sessions",
    "spent_sign_ins",
)


def _people() -> None:
    op.create_table(
        "people",
        *_texts("id", "tenant", "user", "folded", "kind", "external", "issuer", "subject", "created", "changed"),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("provisioned", sa.Boolean(), nullable=False),
        _json("profile"),
        _of_tenant("people"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("tenant", "folded", name="uq_people_tenant_folded"),
    )
    for column in ("external", "subject"):
        op.create_index(f"ix_people_{column}", "people", [column])
    op.create_table(
        "people_roles",
        *_texts("person", "role"),
        _of_person("people_roles"),
        sa.PrimaryKeyConstraint("person", "role", name="pk_people_roles"),
    )
    op.create_index("ix_people_roles_role", "people_roles", ["role"])
    op.create_table(
        "people_claims",
        *_texts("person", "kind", "value"),
        _of_person("people_claims"),
        sa.PrimaryKeyConstraint("person", "kind", "value", name="pk_people_claims"),
    )
    op.create_index("ix_people_claims_value", "people_claims", ["value"])
    op.create_table(
        "people_groups",
        *_texts("id", "tenant", "name", "folded", "external", "created", "changed"),
        _of_tenant("people_groups"),
        sa.PrimaryKeyConstraint("id", name="pk_people_groups"),
        sa.UniqueConstraint("tenant", "folded", name="uq_people_groups_tenant_folded"),
    )
    op.create_table(
        "people_members",
        *_texts("group", "person"),
        sa.ForeignKeyConstraint(["group"], ["people_groups.id"], name="fk_people_members_group_people_groups"),
        _of_person("people_members"),
        sa.PrimaryKeyConstraint("group", "person", name="pk_people_members"),
    )
    op.create_index("ix_people_members_person", "people_members", ["person"])
    op.create_table(
        "identity_declarations",
        *_texts("tenant", "changed"),
        _json("declared"),
        _of_tenant("identity_declarations"),
        sa.PrimaryKeyConstraint("tenant", name="pk_identity_declarations"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        *_texts("digest", "tenant", "key", "person", "begun", "seen", "ends"),
        _of_tenant("sessions"),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    for column in ("key", "person", "ends"):
        op.create_index(f"ix_sessions_{column}", "sessions", [column])
    op.create_table(
        "spent_sign_ins", *_texts("digest", "ends"), sa.PrimaryKeyConstraint("digest", name="pk_spent_sign_ins")
    )
    op.create_index("ix_spent_sign_ins_ends", "spent_sign_ins", ["ends"])


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


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=f"fk_{table}_tenant_tenants")


def _of_person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person"], ["people.id"], name=f"fk_{table}_person_people")
