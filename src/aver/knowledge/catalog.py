"""Documents and their versions, as one principal may see them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from aver.core import Principal
from aver.core.errors import NotFound
from aver.knowledge import visibility
from aver.knowledge.index import Place
from aver.knowledge.layout import load_layout
from aver.knowledge.passages import spans_of
from aver.knowledge.store import document_versions, documents
from aver.knowledge.types import Document, DocumentText

__all__ = [
    "current_state",
    "current_versions",
    "list_documents",
    "passage_spans",
    "passage_text",
    "read_document",
    "readable_versions",
    "visible_document",
    "visible_documents",
]

_IDS_A_QUERY = 500


def list_documents(tx: Connection, principal: Principal) -> list[Document]:
    """Every document this principal may read, by title, then id."""
    rows = tx.execute(visible_documents(principal).order_by(documents.c.title, documents.c.id)).all()
    return [
        Document(
            id=row.id,
            version=row.version,
            title=row.title,
            uri=row.uri,
            source=row.source,
            path=row.path,
            updated=datetime.fromisoformat(row.updated),
        )
        for row in rows
    ]


def visible_document(tx: Connection, principal: Principal, document: str) -> str:
    """``document`` itself; :class:`NotFound` alike when it is absent and when it may not be read."""
    if tx.execute(visible_documents(principal).where(documents.c.id == document)).first() is None:
        raise NotFound("There is no such document, or it is not yours", "List yours: aver documents list")
    return document


def read_document(
    tx: Connection, principal: Principal, document: str, version: int | None, *, blocks: bool = False
) -> DocumentText:
    """The stored text of a version, by default the current one; :class:`NotFound` as :func:`visible_document`."""
    visible_document(tx, principal, document)
    current = select(documents.c.version).where(documents.c.id == document).scalar_subquery()
    names = ["document", "version", "title", "uri", "text", *["layout"] * blocks]
    query = select(*(document_versions.c[name] for name in names)).where(
        document_versions.c.document == document,
        document_versions.c.version == (current if version is None else version),
    )
    row = tx.execute(query).first()
    if row is None:
        raise NotFound("The document has no such version", "Leave the version out for the current one.")
    found = load_layout(row.layout) if blocks else ()
    return DocumentText(row.document, row.version, row.title, row.uri, row.text, found)


def passage_spans(tx: Connection, principal: Principal, document: str) -> list[tuple[int, int, str]]:
    """Start, end and section of each passage of the current version; :class:`NotFound` as :func:`visible_document`."""
    visible_document(tx, principal, document)
    query = select(document_versions.c.passages).where(
        document_versions.c.document == documents.c.id,
        document_versions.c.version == documents.c.version,
        documents.c.id == document,
    )
    return spans_of(tx.execute(query).scalar_one())


def readable_versions(
    tx: Connection, principal: Principal, pairs: Iterable[tuple[str, int]]
) -> frozenset[tuple[str, int]]:
    """Those of ``pairs`` (document, version) that exist and this principal may read now."""
    wanted = set(pairs)
    query = select(document_versions.c.document, document_versions.c.version).where(
        documents.c.id == document_versions.c.document,
        _under(principal),
    )
    found = {
        (document, version)
        for some in _batches(sorted({document for document, _ in wanted}))
        for document, version in tx.execute(query.where(documents.c.id.in_(some)))
    }
    return frozenset(found & wanted)


def current_versions(tx: Connection, principal: Principal, ids: Iterable[str]) -> dict[str, tuple[int, str, str]]:
    """Version, title and uri, as they are now, of those of ``ids`` that this principal may read."""
    return {
        row.id: (row.version, row.title, row.uri)
        for some in _batches(sorted(set(ids)))
        for row in tx.execute(visible_documents(principal).where(documents.c.id.in_(some)))
    }


def sources_of(tx: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The name of the source of each of these documents."""
    of = documents.c
    query = select(of.id, of.source)
    return {
        row.id: row.source for some in _batches(sorted(set(ids))) for row in tx.execute(query.where(of.id.in_(some)))
    }


_SPAN = select(func.substr(document_versions.c.text, bindparam("first"), bindparam("length"))).where(
    document_versions.c.document == bindparam("a_document"),
    document_versions.c.version == bindparam("a_version"),
)


def passage_text(tx: Connection, place: Place) -> str:
    """The text of a passage, without reading the whole document out."""
    document, version, start, end, _ = place
    values = {"a_document": document, "a_version": version, "first": start + 1, "length": end - start}
    text: str = tx.execute(_SPAN, values).scalar_one()
    return text


def visible_documents(principal: Principal) -> Select[tuple[str, int, str, str, str, str, str]]:
    """Id, version, title, uri, source, path and time of change of what this principal may read, as a query to narrow."""
    columns = (
        documents.c.id,
        documents.c.version,
        documents.c.title,
        documents.c.uri,
        documents.c.source,
        documents.c.path,
        documents.c.updated,
    )
    return select(*columns).where(_under(principal))


def _under(principal: Principal) -> ColumnElement[bool]:
    """That a document is under a set that ``principal`` belongs to. As a sum, which no index holds: SQLite would else go through all
    documents of all these sets to find a few by their ids.
    """
    return (documents.c.acl + 0).in_(visibility.visible_acls(principal))


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _IDS_A_QUERY] for start in range(0, len(ids), _IDS_A_QUERY))


def current_state(tx: Connection) -> str:
    """What tells this state of the documents from any other: which there are, at which version, for whom. SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    for row in tx.execute(select(documents.c.id, documents.c.version, documents.c.acl).order_by(documents.c.id)):
        digest.update(f"{row.id}\0{row.version}\0{row.acl}\n".encode())
    return digest.hexdigest()
