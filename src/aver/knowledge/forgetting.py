"""Texts and files of documents that are kept no longer: versions that newer ones took the place of, and originals."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, delete, or_, select, update

from aver.knowledge.store import document_origins, document_versions, documents, index_snapshot_documents

__all__ = ["forget_original", "forget_versions", "old_originals", "old_versions", "unchanged_documents"]

_PAIRS_A_QUERY = 200

Pair = tuple[str, int]


def old_versions(tx: Connection, before: str, but: Collection[str], most: int) -> list[Pair]:
    """The first ``most`` versions (document, version) that were made before the moment ``before`` (RFC 3339) and have been replaced; none of the
    documents ``but``, and none that a snapshot of the index names."""
    was, snapped = document_versions.c, index_snapshot_documents.c
    named = select(snapped.document).where(snapped.document == was.document, snapped.version == was.version).exists()
    query = (
        select(was.document, was.version)
        .join(documents, documents.c.id == was.document)
        .where(was.version < documents.c.version, was.created < before, ~named, was.document.not_in(sorted(but)))
        .order_by(was.document, was.version)
    )
    return [(row.document, row.version) for row in tx.execute(query.limit(most))]


def forget_versions(tx: Connection, pairs: Sequence[Pair]) -> list[str]:
    """Remove these versions; the references to their originals that no other version names."""
    kept = _originals(tx, pairs)
    for table in (document_versions, document_origins):
        for some in _portions(pairs):
            tx.execute(delete(table).where(or_(*(and_(table.c.document == d, table.c.version == v) for d, v in some))))
    return _unnamed(tx, kept)


def old_originals(tx: Connection, before: str, but: Collection[str], most: int) -> list[Pair]:
    """The first ``most`` versions whose original was taken in before the moment ``before``; none of the documents ``but``."""
    noted = document_origins.c
    query = select(noted.document, noted.version).where(
        noted.original != "", noted.taken < before, noted.document.not_in(sorted(but))
    )
    return [(row.document, row.version) for row in tx.execute(query.order_by(noted.document).limit(most))]


def forget_original(tx: Connection, pairs: Sequence[Pair]) -> list[str]:
    """These versions name no original any more; the references that no other version names. With the row goes the key."""
    kept = _originals(tx, pairs)
    noted = document_origins.c
    for some in _portions(pairs):
        these = or_(*(and_(noted.document == d, noted.version == v) for d, v in some))
        tx.execute(update(document_origins).where(these).values(original=""))
    return _unnamed(tx, kept)


def unchanged_documents(tx: Connection, before: str, but: Collection[str], most: int) -> list[str]:
    """The first ``most`` documents that were taken in, and have not changed, before the moment ``before``; none of ``but``."""
    known = documents.c
    query = select(known.id).where(known.acl.is_not(None), known.updated < before, known.id.not_in(sorted(but)))
    return list(tx.execute(query.order_by(known.id).limit(most)).scalars())


def _originals(tx: Connection, pairs: Sequence[Pair]) -> list[str]:
    noted, found = document_origins.c, list[str]()
    for some in _portions(pairs):
        these = or_(*(and_(noted.document == d, noted.version == v) for d, v in some))
        found += tx.execute(select(noted.original).where(these, noted.original != "")).scalars()
    return found


def _unnamed(tx: Connection, references: Sequence[str]) -> list[str]:
    """Two versions with the same bytes share one file."""
    named = document_origins.c.original
    shared = set(tx.execute(select(named).where(named.in_(list(references)))).scalars()) if references else set()
    return [each for each in references if each not in shared]


def _portions(pairs: Sequence[Pair]) -> list[Sequence[Pair]]:
    return [pairs[at : at + _PAIRS_A_QUERY] for at in range(0, len(pairs), _PAIRS_A_QUERY)]
