"""Where each document version came from: the source's object, its state then, and the run of evidence that took it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from aver.core import rfc3339
from aver.knowledge.layout import load_layout, spots
from aver.knowledge.passages import spans_of
from aver.knowledge.preparation import Prepared
from aver.knowledge.store import document_origins, document_versions, documents, sources
from aver.knowledge.traits import dump_traits

__all__ = [
    "Origin",
    "Place",
    "forget_origins",
    "kept_originals",
    "note_origin",
    "original_of",
    "origins",
    "place_of",
    "release_originals",
    "versions_of",
]

_DOCUMENTS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """A version of a document, and what it was made of. ``kind`` is the source's, empty for what was ingested by hand; ``digest`` the
    SHA-256 of the bytes that the source gave, ``revision`` what the source called that state, if it has a name for it.

    ``taken`` is when, and ``run`` the turn of evidence in which, the version was taken in. ``current`` is the document's version now.
    """

    document: str
    version: int
    title: str
    source: str
    kind: str
    path: str
    uri: str
    digest: str
    revision: str
    taken: datetime
    run: str
    current: int


@dataclass(frozen=True, slots=True)
class Place:
    """The passage of a version that a span lies in: its start, its end, the headings it stands under, and the pages the span is on."""

    start: int
    end: int
    section: str
    pages: tuple[int, ...]


def note_origin(tx: Connection, document: str, version: int, content: Prepared, run: str, now: datetime) -> None:
    """Remember it of a version that is being stored. Content that the document had before keeps the revision and the original of then."""
    revision, original = content.item.revision, content.original
    if not (revision and original):
        before = tx.execute(_before(document, content.digest)).first()
        if before is not None:
            revision, original = revision or before.revision, original or before.original
    values = {"document": document, "version": version, "run": run, "taken": rfc3339(now)}
    measured = {"revision": revision, "original": original, "traits": dump_traits(content.traits)}
    tx.execute(insert(document_origins), {**values, **measured})


def _before(document: str, digest: str) -> Any:
    """The newest version of a document with these bytes."""
    was = document_versions.c
    return (
        select(document_origins.c.revision, document_origins.c.original)
        .join(
            document_versions,
            (was.document == document_origins.c.document) & (was.version == document_origins.c.version),
        )
        .where(was.document == document, was.digest == digest)
        .order_by(was.version.desc())
        .limit(1)
    )


def forget_origins(tx: Connection, document: str) -> list[str]:
    """Forget it of every version of a document; the references to its originals, see :mod:`aver.knowledge.originals`."""
    mine = document_origins.c.document == document
    kept = tx.execute(select(document_origins.c.original).where(mine)).scalars().all()
    tx.execute(delete(document_origins).where(mine))
    return [reference for reference in kept if reference]


def kept_originals(tx: Connection, source: str) -> list[str]:
    """The references to the originals of a source's documents."""
    query = select(document_origins.c.original).where(_of_source(source), document_origins.c.original != "")
    return list(tx.execute(query).scalars())


def original_of(tx: Connection, document: str, version: int) -> str:
    """The reference to what a version was made of; empty where that is not kept. Asks nobody's permission."""
    query = select(document_origins.c.original).where(
        document_origins.c.document == document, document_origins.c.version == version
    )
    return tx.execute(query).scalar() or ""


def release_originals(tx: Connection, source: str) -> None:
    """No document of a source names its original any more."""
    tx.execute(update(document_origins).where(_of_source(source)).values(original=""))


def _of_source(source: str) -> ColumnElement[bool]:
    return document_origins.c.document.in_(select(documents.c.id).where(documents.c.source == source))


def origins(tx: Connection, pairs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Origin]:
    """Of those of ``pairs`` (document, version) that are there still; a deleted document has no versions. Asks nobody's permission."""
    wanted = set(pairs)
    ids = sorted({document for document, _ in wanted})
    found: dict[tuple[str, int], Origin] = {}
    for start in range(0, len(ids), _DOCUMENTS_A_QUERY):
        some = ids[start : start + _DOCUMENTS_A_QUERY]
        for row in tx.execute(_origins().where(documents.c.id.in_(some))):
            if (row.document, row.version) in wanted:
                found[row.document, row.version] = _origin(row)
    return found


def place_of(tx: Connection, document: str, version: int, start: int, end: int) -> Place | None:
    """The passage in which ``text[start:end]`` of a version begins. Asks nobody's permission."""
    was = document_versions.c
    query = select(was.passages, was.layout).where(was.document == document, was.version == version)
    row = tx.execute(query).first()
    if row is None:
        return None
    pages = sorted({spot.page for spot in spots(load_layout(row.layout), start, end) if spot.page})
    within = (each for each in spans_of(row.passages) if each[0] <= start < each[1])
    low, high, section = next(within, (start, end, ""))
    return Place(low, high, section, tuple(pages))


def versions_of(tx: Connection, document: str) -> Sequence[Origin]:
    """Every version of a document, the first one first; none of a deleted one. Asks nobody's permission."""
    query = _origins().where(documents.c.id == document).order_by(document_origins.c.version)
    return [_origin(row) for row in tx.execute(query)]


def _origins() -> Any:
    was, noted = document_versions.c, document_origins.c
    columns = (documents.c.source, documents.c.path, documents.c.version.label("current"), sources.c.kind)
    version = (was.document, was.version, was.title, was.uri, was.digest, noted.revision, noted.taken, noted.run)
    return (
        select(*columns, *version)
        .join(document_origins, noted.document == documents.c.id)
        .join(document_versions, (was.document == noted.document) & (was.version == noted.version))
        .join(sources, sources.c.name == documents.c.source)
    )


def _origin(row: Row[Any]) -> Origin:
    return Origin(
        document=row.document,
        version=row.version,
        title=row.title,
        source=row.source,
        kind=row.kind,
        path=row.path,
        uri=row.uri,
        digest=row.digest,
        revision=row.revision,
        taken=datetime.fromisoformat(row.taken),
        run=row.run,
        current=row.current,
    )
