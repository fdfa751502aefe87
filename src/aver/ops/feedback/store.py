"""The tables of triage: which turns wait and why, and which tickets were taken in. Ids, moments and words of closed lists; what people wrote is evidence."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String

from aver.store import tenant_table

__all__ = ["items", "reading", "tickets"]

reading = tenant_table(
    "feedback_reading",
    Column("name", String, primary_key=True),  # "evidence", or a folder of a mailbox as a keyed hash
    Column("cursor", BigInteger, nullable=False),  # the last step, or mail, that was read
)

items = tenant_table(
    "feedback_items",
    Column("turn", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("feature", String, nullable=False),
    Column("release", String, nullable=False),
    Column("signals", String, nullable=False),  # with a space before and behind each
    Column("reason", String, nullable=False),
    Column("rank", Integer, nullable=False),  # the higher, the worse
    Column("waits", Integer, nullable=False),
    Column("act", String, nullable=False),  # what became of it, empty before
    Column("of", String, nullable=False),
    Column("decided", String, nullable=False),
    Index("ix_feedback_items_queue", "waits", "rank", "at"),
)

tickets = tenant_table(
    "feedback_tickets",
    Column("id", String, primary_key=True),  # a keyed hash of what names the ticket where it comes from
    Column("turn", String, nullable=False),
)
