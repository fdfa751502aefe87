"""The table of anchors: what places outside were told, and what they gave for it. Nothing in it is secret."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String

from aver.store import tenant_table

__all__ = ["anchors"]

anchors = tenant_table(
    "governance_anchors",
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("seq", Integer, nullable=False),  # how many steps the chain had
    Column("at", String, nullable=False),
    Column("statement", String, nullable=False),  # JSON, signed
    Column("receipt", String, nullable=False),  # JSON; of a place that could not be told, {}
    Column("problem", String, nullable=False),  # what kept the place from being told
    Index("ix_governance_anchors_seq", "seq"),
)
