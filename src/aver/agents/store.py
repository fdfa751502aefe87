"""Tables of ids: which turns make up a conversation, and whose it is.

What was asked and answered is in evidence alone, encrypted; nothing here can be read as a name or a word of it.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from aver.store import tenant_table

__all__ = ["conversations", "turns"]

conversations: Table = tenant_table(
    "conversations",
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),  # a keyed hash of the subject, see `owner_of`
    Column("created", String, nullable=False),
)

turns: Table = tenant_table(
    "turns",
    Column("id", String, primary_key=True),
    Column("conversation", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("status", String, nullable=False),  # open, sealed, failed, cancelled
    Column("created", String, nullable=False),
    Column("sealed_seq", Integer),
    UniqueConstraint("conversation", "ordinal", "tenant"),
)
