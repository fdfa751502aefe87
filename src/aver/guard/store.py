"""The vault's table. Of values nothing stands in clear: lookups are keyed under the subject's data key, and go with it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, UniqueConstraint

from aver.store import tenant_table

__all__ = ["vaulted_values"]

vaulted_values = tenant_table(
    "vaulted_values",
    Column("conversation", String, primary_key=True),
    # What stands in the text for the value: KIND_NUMBER_TAG.
    Column("token", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("number", Integer, nullable=False),
    # HMAC-SHA256 of kind and value, so that an equal value gets the token it has.
    Column("lookup", String, nullable=False),
    # Under whose data key ``content`` is: a row of ``subjects``, which is gone once erased.
    Column("subject", String, nullable=False),
    # A nonce of 12 bytes, then AES-256-GCM of the value.
    Column("content", LargeBinary, nullable=False),
    Column("created", String, nullable=False),
    UniqueConstraint("conversation", "lookup", "tenant"),
)
