"""The ledger's tables. The columns of ``steps`` are the record: its hash is recomputed from them, there is no second copy."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, UniqueConstraint

from aver.store import tenant_table

__all__ = ["checkpoints", "steps", "subjects"]

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
