"""The tables of governance. Whom a hold is about, and why, stands in evidence alone; here are states, moments and digests."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Text

from aver.store import tenant_table

__all__ = ["acknowledgements", "declarations", "holds", "progress"]

declarations = tenant_table(
    "governance_declarations",
    Column("name", String, primary_key=True),  # "current"; one row a tenant
    Column("declared", Text, nullable=False),  # JSON
    Column("changed", String, nullable=False),
)

holds = tenant_table(
    "governance_holds",
    Column("id", String, primary_key=True),  # the turn of its evidence, where matter, subjects and documents are
    Column("placed", String, nullable=False),
    Column("released", String, nullable=False),  # empty while it holds
)

acknowledgements = tenant_table(
    "governance_acknowledgements",
    Column("owner", String, primary_key=True),  # a keyed hash of the subject
    Column("digest", String, primary_key=True),  # of the text that they agreed to
    Column("at", String, nullable=False),
)

progress = tenant_table(
    "governance_progress",
    Column("name", String, primary_key=True),  # of a class of data
    Column("cursor", Integer, nullable=False),  # the step up to which nothing is left that could go
)
