"""The ledger's tables. The columns of ``steps`` are the record: its hash is recomputed from them, there is no second copy."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, UniqueConstraint, text

from aver.store import tenant_table

__all__ = ["IS_SPARSE", "SPARSE", "checkpoints", "steps", "subjects"]

SPARSE = (
    "alerted",
    "anchored",
    "case_labelled",
    "case_promoted",
    "corrected",
    "drilled",
    "erased",
    "evaluated",
    "gated",
    "glass_broken",
    "governed",
    "group_changed",
    "held",
    "identity_declared",
    "incident",
    "key_created",
    "key_revoked",
    "mitigated",
    "packed",
    "person_changed",
    "release_created",
    "release_promoted",
    "release_rolled_back",
    "release_sign_off_withdrawn",
    "release_signed_off",
    "source_declared",
    "source_removed",
    "staged",
    "switched",
)
"""Kinds of steps that are read by their kind, and that few steps are of: they alone are in an index, which costs turns nothing."""
IS_SPARSE = text("kind IN (" + ", ".join(f"'{kind}'" for kind in SPARSE) + ")")
"""As the index has it, to the letter: SQLite uses a partial index for a query that says its condition in the same words."""

steps = tenant_table(
    "steps",
    Column("seq", Integer, primary_key=True),
    Column("turn", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("at", String, nullable=False),
    # Whose key encrypts the content: the opaque id of a row of ``subjects``, which is gone once erased.
    Column("subject", String, nullable=False),
    # Canonical JSON as text: hashed as it stands, so that no reader has to reproduce the formatting of numbers.
    Column("facts", String, nullable=False),
    # A nonce of 12 bytes, then the AES-256-GCM ciphertext and its tag.
    Column("content", LargeBinary, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_steps_kind", "kind", "tenant", "seq", sqlite_where=IS_SPARSE, postgresql_where=IS_SPARSE),
)

subjects = tenant_table(
    "subjects",
    Column("id", String, primary_key=True),
    # HMAC-SHA256 of the subject's name under a key derived from the tenant's master key: the name itself is nowhere.
    Column("lookup", String, nullable=False),
    # The data key under the tenant's master key: a nonce of 12 bytes, then ciphertext and tag.
    Column("key", LargeBinary, nullable=False),
    UniqueConstraint("lookup", "tenant"),
)

checkpoints = tenant_table(
    "checkpoints",
    Column("seq", Integer, primary_key=True),
    Column("hash", String, nullable=False),
    Column("at", String, nullable=False),
    # Ed25519, by the tenant's signing key.
    Column("signature", LargeBinary, nullable=False),
)
