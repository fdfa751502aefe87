"""The cache's tables. Of questions and answers nothing stands in clear: digests are keyed, so that none can be guessed from them."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String

from aver.store import tenant_table

__all__ = ["cache_counts", "cached_answers"]

cached_answers = tenant_table(
    "cached_answers",
    Column("id", String, primary_key=True),
    # HMAC-SHA256 of the whole request with everything that decides its answer.
    Column("exact", String, nullable=False, index=True),
    # The same with the question's form in place of its words; empty where only the very request is answered.
    Column("form", String, nullable=False, index=True),
    # Under whose data key ``content`` is: a row of ``subjects``, which is gone once erased.
    Column("subject", String, nullable=False),
    # A nonce of 12 bytes, then AES-256-GCM of the question's vector, the answer and its documents.
    Column("content", LargeBinary, nullable=False),
    Column("created", String, nullable=False),
    Column("expires", String, nullable=False),
    # Roughly when it was last given: what is used least recently goes first.
    Column("used", String, nullable=False, index=True),
)

cache_counts = tenant_table(
    "cache_counts",
    Column("route", String, primary_key=True),
    Column("config", String, primary_key=True),
    Column("release", String, primary_key=True),
    Column("misses", Integer, nullable=False),
    Column("exact", Integer, nullable=False),
    Column("semantic", Integer, nullable=False),
    Column("shadowed", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    # Of the shadowed: what comparing them with fresh answers said.
    Column("agreed", Integer, nullable=False),
    Column("differed", Integer, nullable=False),
)
