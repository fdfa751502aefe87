"""The tables of the index of turns. What stands here stands in clear in evidence; nobody wrote any of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String

from aver.store import tenant_table

__all__ = ["sets", "turns", "values"]

turns = tenant_table(
    "ops_turns",
    # Turns are numbered from 0 in the order of their first steps, without a gap: sets and values are kept by this number.
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, index=True),
    Column("first", Integer, nullable=False),  # the place of its first step
    Column("last", Integer, nullable=False),
    Column("at", String, nullable=False),  # when it began
    Column("ended", String, nullable=False),  # empty while it is open
    Column("feature", String, nullable=False),
    Column("release", String, nullable=False),
    Column("arm", String, nullable=False),
    Column("subject", String, nullable=False),  # opaque: whose key its content is under
    Column("outcome", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("key", String, nullable=False),  # the id of the API key that models were called with
    Column("claims", Integer, nullable=False),
    Column("supported", Integer, nullable=False),
    Column("asked", Integer, nullable=False),  # approvals that people were asked for
    Column("denied", Integer, nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("ms", Float, nullable=False),
    Column("feedback", Float, nullable=True),
    Column("several", String, nullable=False),  # JSON: models, providers, tools, checks, sources, marks
)

sets = tenant_table(
    "ops_turn_sets",
    Column("name", String, primary_key=True),  # model:NAME, outcome:failed ...
    Column("block", Integer, primary_key=True),
    Column("members", LargeBinary, nullable=False),  # see ``numbers.py``
)

values = tenant_table(
    "ops_turn_values",
    Column("name", String, primary_key=True),  # at, ended, nano, tokens, micros
    Column("block", Integer, primary_key=True),
    Column("numbers", LargeBinary, nullable=False),
)
