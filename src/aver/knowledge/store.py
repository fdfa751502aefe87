"""The tables of knowledge: documents and their versions, who may read them, and the statistics of what each reader set sees.

Passages themselves (offsets, terms, vectors) live in the index; everything that decides *which* passage may be shown,
and how it scores, is here, so one SQL transaction makes a change visible as a whole.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Text

from aver.store import tenant_table

__all__ = [
    "BUILDING",
    "BY_HAND",
    "CURRENT",
    "TIDIED",
    "acl_readers",
    "acls",
    "document_origins",
    "document_versions",
    "documents",
    "index_pending",
    "index_snapshot_documents",
    "index_snapshots",
    "index_state",
    "lexicon",
    "sources",
]

BY_HAND = {
    **dict.fromkeys(("kind", "declared", "cursor", "webhook_secret", "fresh", "tried", "problem", "report"), ""),
    **dict.fromkeys(("every", "asked", "answered"), 0),
}
"""A row of ``sources`` for what nobody declared, but for its name and its access list."""
CURRENT, TIDIED, BUILDING = "current", "tidied", "building"
"""Rows of ``index_state``: the version that readers open; the last one left with fresh indexes and no removed content; the one that is
being made beside it, as far as it has come."""

sources = tenant_table(
    "sources",
    Column("name", String, primary_key=True),
    Column("access", Text, nullable=False),  # its access list: JSON, a list of [match, [reader, ...]]
    Column("cursor", Text, nullable=False),  # where its next listing goes on; "" for a whole one
    Column("kind", String, nullable=False),  # "" for what is ingested by hand
    Column("declared", Text, nullable=False),  # the fields of its kind: JSON, without secrets
    Column("every", Integer, nullable=False),  # seconds between runs; 0 for none but by hand
    Column("webhook_secret", String, nullable=False),  # a reference to what its events are signed with; "" takes none
    Column("asked", Integer, nullable=False),  # how many events told of changes in it
    Column("answered", Integer, nullable=False),  # how many of them had come when its last good run began
    Column("fresh", String, nullable=False),  # up to when all that happened in it is known; "" before the first run
    Column("tried", String, nullable=False),  # when it was last followed
    Column("problem", Text, nullable=False),  # why that failed; "" when it did not
    Column("report", Text, nullable=False),  # what its last run did: JSON
)

documents = tenant_table(
    "documents",
    Column("id", String, primary_key=True),  # stable for a source and path, also across deletion
    Column("source", String, nullable=False),
    Column("path", String, nullable=False),  # "" once deleted
    Column("uri", String, nullable=False),  # "" once deleted
    Column("title", String, nullable=False),  # "" once deleted
    Column("version", Integer, nullable=False),  # the current one; 1, 2, 3 … on change of content, never reused
    Column("digest", String, nullable=False),  # SHA-256 of the bytes the source gave, hexadecimal; "" once deleted
    Column(
        "revision", String, nullable=False
    ),  # what the source calls this state; "" when it has no name, or once deleted
    Column("acl", Integer),  # NULL once deleted: no reader set, so nobody reads it
    Column("updated", String, nullable=False),
    Index("ix_documents_source", "source", "tenant"),
    Index("ix_documents_acl", "acl", "tenant"),
)

document_versions = tenant_table(
    "document_versions",
    Column("document", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", String, nullable=False),
    Column("uri", String, nullable=False),
    Column("text", Text, nullable=False),  # what offsets refer to; the rows of a deleted document are removed
    Column("layout", Text, nullable=False),  # its blocks: compact JSON, see layout.py
    Column("digest", String, nullable=False),
    Column("created", String, nullable=False),
    Column("passages", Text, nullable=False),  # where it was cut: JSON, a list of [start, end, section]
)

document_origins = tenant_table(
    "document_origins",
    Column("document", String, primary_key=True),
    Column("version", Integer, primary_key=True),  # these rows come and go with those of document_versions
    Column("run", String, nullable=False),  # the turn of evidence in which the version was taken in
    Column("taken", String, nullable=False),  # when
    Column("revision", String, nullable=False),  # what the source called it then; "" when it has no name
    Column(
        "original", String, nullable=False
    ),  # the file that keeps its bytes, and its key; "" when none does: see originals.py
    Column("traits", Text, nullable=False),  # what was measured of its text: JSON, see traits.py
)

acls = tenant_table(
    "acls",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", String, nullable=False),  # SHA-256 of the sorted reader tokens: one row a distinct set
    Column("passages", Integer, nullable=False),  # current passages under this set
    Column("tokens", Integer, nullable=False),  # their terms, counted with repetition
    Index("ix_acls_digest", "digest", "tenant", unique=True),
)

acl_readers = tenant_table(
    "acl_readers",
    Column("acl", Integer, primary_key=True),
    Column("reader", String, primary_key=True),
    Index("ix_acl_readers_reader", "reader", "tenant"),
)

lexicon = tenant_table(
    "lexicon",
    Column("term", String, primary_key=True),
    Column("acl", Integer, primary_key=True),
    Column("passages", Integer, nullable=False),  # how many passages under this set contain the term
)

index_state = tenant_table(
    "index_state",
    Column("name", String, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # of that generation
    Column("recipe", String, nullable=False),  # embedder and analyzer the rows were made with
)

index_pending = tenant_table(
    "index_pending",
    Column("document", String, primary_key=True),  # deleted or moved, and the index does not know yet
)

index_snapshots = tenant_table(
    "index_snapshots",
    Column("name", String, primary_key=True),
    Column("recipe", String, nullable=False),
    Column("created", String, nullable=False),
)

index_snapshot_documents = tenant_table(
    "index_snapshot_documents",
    Column("snapshot", String, primary_key=True),
    Column("document", String, primary_key=True),
    Column("version", Integer, nullable=False),  # which of the document's versions was found then
)
