"""Tables of ids: which turns may go on and who runs them, who is asked for what, what was decided for longer, what is remembered.

What a turn is about, its calls, arguments and results are in evidence alone, encrypted. Owners, names and scopes are keyed hashes.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from aver.store import tenant_table

__all__ = ["acting", "approvals", "memories", "standing_decisions"]

acting: Table = tenant_table(
    "acting",
    Column("turn", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False, index=True),  # running, waiting, ended
    # The lease: a process, by an id of its own, or nobody; each taking of it raises the fence.
    Column("holder", String, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", String, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("actions", Integer, nullable=False),  # calls that policy was asked about
)

approvals: Table = tenant_table(
    "approvals",
    Column("id", String, primary_key=True),
    Column("turn", String, nullable=False, index=True),
    Column("owner", String, nullable=False),
    Column("action", String, nullable=False),
    Column("scope", String, nullable=False),  # what an approval for the conversation would hold for
    Column("aim", String, nullable=False),  # what a rejection for ever would hold for
    Column("role", String, nullable=False),  # who decides: empty for the asker, else a role of somebody else
    Column("status", String, nullable=False, index=True),  # pending, approved, rejected, expired, withdrawn
    Column("expires", String, nullable=False),
)

standing_decisions: Table = tenant_table(
    "standing_decisions",
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("conversation", String, nullable=False),  # empty for all of the owner's
    Column("digest", String, nullable=False, index=True),
    Column("outcome", String, nullable=False),  # allow, deny
    Column("approval", String, nullable=False),
)

memories: Table = tenant_table(
    "memories",
    Column("id", String, primary_key=True),  # the turn of its evidence, where the value is
    Column("owner", String, nullable=False),
    Column("name", String, nullable=False),
    UniqueConstraint("owner", "name", "tenant"),
)
