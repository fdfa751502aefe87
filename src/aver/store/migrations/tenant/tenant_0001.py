"""Everything a tenant has: documents, evidence, conversations.

Until 1.0 this one migration is edited in place when a package's ``store.py`` changes, and existing data is made anew;
``tests/contract/test_store_migrations.py`` prints what the two lack of each other. From 1.0 on it is frozen, and a
change is a new file.
On Postgres it builds on ``aver_tenant()``, which the first migration of the control branch defines.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from aver.store.isolation import isolate_tenant_table
from aver.store.schema import TEXT

revision = "tenant_0001"
down_revision = None

_SPARSE = sa.text(
    "kind IN ('alerted', 'anchored', 'case_labelled', 'case_promoted', 'corrected', 'drilled', 'erased', "
    "'evaluated', 'gated', 'glass_broken', 'governed', 'group_changed', 'held', 'identity_declared', 'incident', "
    "'key_created', 'key_revoked', 'mitigated', 'packed', 'person_changed', 'release_created', "
    "'release_promoted', 'release_rolled_back', 'release_sign_off_withdrawn', 'release_signed_off', "
    "'source_declared', 'source_removed', 'staged', 'switched')"
)


def _tenant_table(name: str, *items: Any) -> None:
    op.create_table(name, *items, sa.Column("tenant", TEXT, nullable=False))
    isolate_tenant_table(op.get_bind(), name)


def _feedback() -> None:
    """The turns that wait for a decision, and the tickets that were taken in."""
    _tenant_table(
        "feedback_reading",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_feedback_reading"),
    )
    _tenant_table(
        "feedback_items",
        sa.Column("turn", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("feature", TEXT, nullable=False),
        sa.Column("release", TEXT, nullable=False),
        sa.Column("signals", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("waits", sa.Integer, nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("of", TEXT, nullable=False),
        sa.Column("decided", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("turn", "tenant", name="pk_feedback_items"),
    )
    op.create_index("ix_feedback_items_queue", "feedback_items", ["waits", "rank", "at"])
    _tenant_table(
        "feedback_tickets",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("turn", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_feedback_tickets"),
    )


def _anchors() -> None:
    """What places outside were told of the chain."""
    _tenant_table(
        "governance_anchors",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("statement", TEXT, nullable=False),
        sa.Column("receipt", TEXT, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_governance_anchors"),
    )
    op.create_index("ix_governance_anchors_seq", "governance_anchors", ["seq"])


def _governance() -> None:
    """What is declared, what is held, who agreed to what, how far retention has come."""
    _tenant_table(
        "governance_declarations",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("declared", TEXT, nullable=False),
        sa.Column("changed", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_governance_declarations"),
    )
    _tenant_table(
        "governance_holds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("placed", TEXT, nullable=False),
        sa.Column("released", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_governance_holds"),
    )
    _tenant_table(
        "governance_acknowledgements",
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "digest", "tenant", name="pk_governance_acknowledgements"),
    )
    _tenant_table(
        "governance_progress",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_governance_progress"),
    )


def upgrade() -> None:
    # Knowledge: documents, who may read them, what a search scores with
    _tenant_table(
        "sources",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("access", TEXT, nullable=False),
        sa.Column("cursor", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("declared", TEXT, nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("webhook_secret", TEXT, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("fresh", TEXT, nullable=False),
        sa.Column("tried", TEXT, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.Column("report", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_sources"),
    )
    _tenant_table(
        "documents",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("revision", TEXT, nullable=False),
        sa.Column("acl", sa.Integer, nullable=True),
        sa.Column("updated", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_documents"),
    )
    op.create_index("ix_documents_acl", "documents", ["acl", "tenant"])
    op.create_index("ix_documents_source", "documents", ["source", "tenant"])
    _tenant_table(
        "document_versions",
        sa.Column("document", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("layout", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("passages", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("document", "version", "tenant", name="pk_document_versions"),
    )
    _tenant_table(
        "document_origins",
        sa.Column("document", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("taken", TEXT, nullable=False),
        sa.Column("revision", TEXT, nullable=False),
        sa.Column("original", TEXT, nullable=False),
        sa.Column("traits", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("document", "version", "tenant", name="pk_document_origins"),
    )
    _tenant_table(
        "acls",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_acls"),
    )
    op.create_index("ix_acls_digest", "acls", ["digest", "tenant"], unique=True)
    _tenant_table(
        "acl_readers",
        sa.Column("acl", sa.Integer, nullable=False),
        sa.Column("reader", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("acl", "reader", "tenant", name="pk_acl_readers"),
    )
    op.create_index("ix_acl_readers_reader", "acl_readers", ["reader", "tenant"])
    _tenant_table(
        "lexicon",
        sa.Column("term", TEXT, nullable=False),
        sa.Column("acl", sa.Integer, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("term", "acl", "tenant", name="pk_lexicon"),
    )
    _tenant_table(
        "index_state",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("recipe", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_index_state"),
    )
    _tenant_table(
        "index_pending",
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("document", "tenant", name="pk_index_pending"),
    )
    _tenant_table(
        "index_snapshots",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("recipe", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_index_snapshots"),
    )
    _tenant_table(
        "index_snapshot_documents",
        sa.Column("snapshot", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("snapshot", "document", "tenant", name="pk_index_snapshot_documents"),
    )
    _chain()
    _operations()
    _index_of_turns()
    _feedback()
    _anchors()
    _governance()
    # Conversations
    _tenant_table(
        "conversations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_conversations"),
    )
    op.create_index("ix_conversations_owner", "conversations", ["owner"])
    _tenant_table(
        "turns",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("sealed_seq", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_turns"),
        sa.UniqueConstraint("conversation", "ordinal", "tenant", name="uq_turns_conversation_ordinal_tenant"),
    )
    # Agents that act: turns that outlive their process, who is asked, what was decided for longer, what is remembered
    _tenant_table(
        "acting",
        sa.Column("turn", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.Column("cancelled", sa.Integer, nullable=False),
        sa.Column("actions", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("turn", "tenant", name="pk_acting"),
    )
    op.create_index("ix_acting_status", "acting", ["status"])
    _tenant_table(
        "approvals",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("turn", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("aim", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_approvals"),
    )
    op.create_index("ix_approvals_turn", "approvals", ["turn"])
    op.create_index("ix_approvals_status", "approvals", ["status"])
    _tenant_table(
        "standing_decisions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("approval", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_standing_decisions"),
    )
    op.create_index("ix_standing_decisions_digest", "standing_decisions", ["digest"])
    _tenant_table(
        "memories",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_memories"),
        sa.UniqueConstraint("owner", "name", "tenant", name="uq_memories_owner_name_tenant"),
    )
    # The gateway: what processes may spend of each budget
    _tenant_table(
        "budget_grants",
        sa.Column("budget", TEXT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("ceiling", sa.BigInteger, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("seen", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("budget", "unit", "period", "value", "holder", "tenant", name="pk_budget_grants"),
    )
    op.create_index("ix_budget_grants_expires", "budget_grants", ["expires"])
    # The gateway: answers given before, and how they fared
    _tenant_table(
        "cached_answers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("exact", TEXT, nullable=False),
        sa.Column("form", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("used", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_cached_answers"),
    )
    op.create_index("ix_cached_answers_exact", "cached_answers", ["exact"])
    op.create_index("ix_cached_answers_form", "cached_answers", ["form"])
    op.create_index("ix_cached_answers_used", "cached_answers", ["used"])
    _tenant_table(
        "cache_counts",
        sa.Column("route", TEXT, nullable=False),
        sa.Column("config", TEXT, nullable=False),
        sa.Column("release", TEXT, nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("misses", "exact", "semantic", "shadowed", "refused", "agreed", "differed")
        ),
        sa.PrimaryKeyConstraint("route", "config", "release", "tenant", name="pk_cache_counts"),
    )
    # Guardrails: what stands behind the tokens of a conversation
    _tenant_table(
        "vaulted_values",
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("lookup", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("conversation", "token", "tenant", name="pk_vaulted_values"),
        sa.UniqueConstraint("conversation", "lookup", "tenant", name="uq_vaulted_values_conversation_lookup_tenant"),
    )


def _chain() -> None:
    # Evidence: the chain
    _tenant_table(
        "steps",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("turn", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("prev", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", "tenant", name="pk_steps"),
    )
    op.create_index("ix_steps_turn", "steps", ["turn"])
    op.create_index("ix_steps_kind", "steps", ["kind", "tenant", "seq"], sqlite_where=_SPARSE, postgresql_where=_SPARSE)
    _tenant_table(
        "subjects",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("lookup", TEXT, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_subjects"),
        sa.UniqueConstraint("lookup", "tenant", name="uq_subjects_lookup_tenant"),
    )
    _tenant_table(
        "checkpoints",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", "tenant", name="pk_checkpoints"),
    )


def _index_of_turns() -> None:
    # An index of turns: rows by number, sets of numbers, values by number
    _tenant_table(
        "ops_turns",
        sa.Column("n", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("ended", TEXT, nullable=False),
        sa.Column("feature", TEXT, nullable=False),
        sa.Column("release", TEXT, nullable=False),
        sa.Column("arm", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("mode", TEXT, nullable=False),
        sa.Column("conversation", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("supported", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("denied", sa.Integer, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("ms", sa.Float, nullable=False),
        sa.Column("feedback", sa.Float, nullable=True),
        sa.Column("several", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("n", "tenant", name="pk_ops_turns"),
    )
    op.create_index("ix_ops_turns_id", "ops_turns", ["id"])
    _tenant_table(
        "ops_turn_sets",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", "block", "tenant", name="pk_ops_turn_sets"),
    )
    _tenant_table(
        "ops_turn_values",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", "block", "tenant", name="pk_ops_turn_values"),
    )


def _operations() -> None:
    """Operations: sums of what turns came to, alerts, incidents."""
    _tenant_table(
        "ops_reading",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("cursor", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("watermark", sa.Integer, nullable=False),
        sa.Column("sampled", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_ops_reading"),
    )
    _tenant_table(
        "ops_sums",
        sa.Column("span", TEXT, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("series", TEXT, nullable=False),
        sa.Column("sums", TEXT, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("span", "start", "series", "tenant", name="pk_ops_sums"),
    )
    op.create_index("ix_ops_sums_changed", "ops_sums", ["changed"])
    _tenant_table(
        "ops_series",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("first", TEXT, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", "tenant", name="pk_ops_series"),
    )
    _tenant_table(
        "ops_alerts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("labels", TEXT, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("figures", TEXT, nullable=False),
        sa.Column("began", TEXT, nullable=False),
        sa.Column("fired", TEXT, nullable=False),
        sa.Column("seen", TEXT, nullable=False),
        sa.Column("resolved", TEXT, nullable=False),
        sa.Column("incident", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_ops_alerts"),
    )
    op.create_index("ix_ops_alerts_fingerprint", "ops_alerts", ["fingerprint"])
    op.create_index("ix_ops_alerts_resolved", "ops_alerts", ["resolved"])
    _tenant_table(
        "ops_groups",
        sa.Column("route", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("told", TEXT, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.Column("sent", TEXT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("claimed", TEXT, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("route", "key", "tenant", name="pk_ops_groups"),
    )
    _tenant_table(
        "ops_silences",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("matches", TEXT, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_ops_silences"),
    )
    _tenant_table(
        "ops_incidents",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("feature", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("began", TEXT, nullable=False),
        sa.Column("detected", TEXT, nullable=False),
        sa.Column("mitigated", TEXT, nullable=False),
        sa.Column("resolved", TEXT, nullable=False),
        sa.Column("touched", TEXT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_ops_incidents"),
    )
    op.create_index("ix_ops_incidents_status", "ops_incidents", ["status"])
    _tenant_table(
        "ops_mitigations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("claim", TEXT, nullable=False),
        sa.Column("incident", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("begun", TEXT, nullable=False),
        sa.Column("ended", TEXT, nullable=False),
        sa.Column("undone", TEXT, nullable=False),
        sa.Column("undo", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("runbook", TEXT, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_ops_mitigations"),
        sa.UniqueConstraint("claim", "tenant", name="uq_ops_mitigations_claim_tenant"),
    )
    op.create_index("ix_ops_mitigations_incident", "ops_mitigations", ["incident"])
    op.create_index("ix_ops_mitigations_status", "ops_mitigations", ["status"])
    _tenant_table(
        "ops_corrections",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("incident", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("accepted", TEXT, nullable=False),
        sa.Column("ended", TEXT, nullable=False),
        sa.Column("condition", TEXT, nullable=False),
        sa.Column("cases", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="pk_ops_corrections"),
    )
    op.create_index("ix_ops_corrections_incident", "ops_corrections", ["incident"])
