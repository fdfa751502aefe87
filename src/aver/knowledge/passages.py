"""The passages of a document, from what the store keeps of it: how anything in an index is made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from aver.core import canonical_json
from aver.knowledge.chunking import Chunk
from aver.knowledge.index import Place, Row
from aver.knowledge.layout import load_layout
from aver.knowledge.preparation import embedded_text, indexed_terms
from aver.knowledge.store import document_versions, documents
from aver.knowledge.tables import Headers

__all__ = ["Passages", "chunks_of", "live", "spans_of", "stored_chunks", "stored_passages"]


@dataclass(frozen=True, slots=True)
class Passages:
    """Rows for an index, and of each the text that its vector is made from."""

    rows: list[Row]
    texts: list[str]


def stored_chunks(chunks: Sequence[Chunk]) -> str:
    """Where a text was cut, as it is stored with it; the headers of tables follow from its layout."""
    return canonical_json([[chunk.start, chunk.end, chunk.section] for chunk in chunks]).decode()


def chunks_of(stored: str, headers: Headers) -> list[Chunk]:
    """The inverse of :func:`stored_chunks`."""
    return [Chunk(*span, headers.of(span[0])) for span in spans_of(stored)]


def spans_of(stored: str) -> list[tuple[int, int, str]]:
    """Start, end and section of each chunk, without its header."""
    return [(start, end, section) for start, end, section in json.loads(stored)]


def live(tx: Connection) -> dict[str, tuple[int, int]]:
    """Version and reader set of every document that is not deleted."""
    query = select(documents.c.id, documents.c.version, documents.c.acl).where(documents.c.acl.is_not(None))
    return {row.id: (row.version, row.acl) for row in tx.execute(query)}


def stored_passages(tx: Connection, wanted: Mapping[str, tuple[int, int]], most: int) -> Iterator[Passages]:
    """The passages of these documents at version, under reader set, some ``most`` at a time and whole documents always.

    A version that is gone, because its document was deleted or changed meanwhile, is left out.
    """
    found = Passages([], [])
    for document, (version, acl) in wanted.items():
        query = select(document_versions).where(
            document_versions.c.document == document, document_versions.c.version == version
        )
        stored = tx.execute(query).first()
        if stored is None:
            continue
        headers = Headers(stored.text, load_layout(stored.layout))
        for chunk in chunks_of(stored.passages, headers):
            part = stored.title, chunk.section, stored.text[chunk.start : chunk.end], chunk.header
            place = Place(document, version, chunk.start, chunk.end, chunk.section)
            found.rows.append(Row(place, acl, " ".join(indexed_terms(*part))))
            found.texts.append(embedded_text(*part))
        if len(found.rows) >= most:
            yield found
            found = Passages([], [])
    if found.rows:
        yield found
