"""Snapshots of the index by name: which version of each document was found, and with what the index was made.

A snapshot holds neither text nor vectors nor readers, so nothing that was deleted can come back from it: what it names is taken from
what the store still has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.knowledge.chunking import Chunk
from aver.knowledge.layout import load_layout
from aver.knowledge.passages import chunks_of, live
from aver.knowledge.store import document_versions, documents, index_snapshot_documents, index_snapshots
from aver.knowledge.tables import Headers
from aver.knowledge.types import Block

__all__ = ["Past", "Snapshot", "added_since", "changed_since", "find", "listed", "take"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    name: str
    recipe: str
    created: datetime
    documents: int


@dataclass(frozen=True, slots=True)
class Past:
    """A document that is alive and has changed since a snapshot: what it was then, and where it is now."""

    document: str
    source: str
    acl: int
    path: str
    uri: str
    title: str
    text: str
    digest: str
    blocks: tuple[Block, ...]
    chunks: list[Chunk]


def take(tx: Connection, name: str, recipe: str, now: str) -> Snapshot:
    """Name what is found now; :class:`Conflict` when the name is taken, :class:`InvalidInput` when it cannot be one."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot name a snapshot", "Use up to 64 letters, digits, dots, hyphens and underscores."
        )
    if tx.execute(select(index_snapshots.c.name).where(index_snapshots.c.name == name)).first():
        raise Conflict(f"There is a snapshot {name!r} already", "Choose another name.")
    tx.execute(insert(index_snapshots), {"name": name, "recipe": recipe, "created": now})
    rows = [{"snapshot": name, "document": document, "version": version} for document, (version, _) in live(tx).items()]
    if rows:
        tx.execute(insert(index_snapshot_documents), rows)
    return Snapshot(name, recipe, datetime.fromisoformat(now), len(rows))


def listed(tx: Connection) -> list[Snapshot]:
    """All of them, oldest first."""
    count = select(func.count()).where(index_snapshot_documents.c.snapshot == index_snapshots.c.name).scalar_subquery()
    query = select(index_snapshots, count.label("documents")).order_by(
        index_snapshots.c.created, index_snapshots.c.name
    )
    return [
        Snapshot(row.name, row.recipe, datetime.fromisoformat(row.created), row.documents) for row in tx.execute(query)
    ]


def find(tx: Connection, name: str) -> Snapshot:
    """Raises :class:`NotFound`."""
    found = next((each for each in listed(tx) if each.name == name), None)
    if found is None:
        raise NotFound(f"There is no snapshot {name!r}", "List them: aver index snapshots.")
    return found


def added_since(tx: Connection, name: str) -> list[str]:
    """Documents that are alive and that the snapshot does not hold."""
    held = select(index_snapshot_documents.c.document).where(index_snapshot_documents.c.snapshot == name)
    query = select(documents.c.id).where(documents.c.acl.is_not(None), documents.c.id.not_in(held))
    return [row.id for row in tx.execute(query.order_by(documents.c.id))]


def changed_since(tx: Connection, name: str, most: int) -> list[Past]:
    """Up to ``most`` documents that are alive, that the snapshot holds with other content, and whose content of then is still
    there: that of a document which was deleted and came back is not."""
    then, was = index_snapshot_documents.c, document_versions.c
    query = (
        select(documents.c.id, documents.c.source, documents.c.acl, documents.c.path, document_versions)
        .join(index_snapshot_documents, (then.document == documents.c.id) & (then.snapshot == name))
        .join(document_versions, (was.document == then.document) & (was.version == then.version))
        .where(documents.c.acl.is_not(None), documents.c.version != then.version, documents.c.digest != was.digest)
        .order_by(documents.c.id)
        .limit(most)
    )
    return [_past(row) for row in tx.execute(query)]


def _past(row: Any) -> Past:
    blocks = load_layout(row.layout)
    return Past(
        row.id,
        row.source,
        row.acl,
        row.path,
        row.uri,
        row.title,
        row.text,
        row.digest,
        blocks,
        chunks_of(row.passages, Headers(row.text, blocks)),
    )
