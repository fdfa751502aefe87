"""Passages of document versions that are not current any more: what was to be read at an earlier date.

The index holds current versions alone. What changed since the date asked about is read from the stored texts and scored anew; a
deleted document's texts are gone, and with them what it said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from aver.core import Principal, rfc3339
from aver.gateway.types import Embedder
from aver.knowledge.catalog import visible_documents
from aver.knowledge.chunking import Chunk
from aver.knowledge.index import Candidates, Place
from aver.knowledge.layout import load_layout
from aver.knowledge.lexical import Statistics, bm25
from aver.knowledge.passages import chunks_of
from aver.knowledge.preparation import embedded_text, indexed_terms
from aver.knowledge.scope import Scope
from aver.knowledge.store import document_versions, documents
from aver.knowledge.tables import Headers

__all__ = ["Earlier", "earlier", "proposed"]

_MOST_VERSIONS = 2_000
"""Earlier versions that are read for one question, the newest first."""
_MOST_EMBEDDED = 64
"""Of their passages, those whose words match best are compared by meaning too."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version as it was read at a date: its id, its number, what it said."""

    document: str
    version: int
    title: str
    text: str
    chunks: list[Chunk]


def earlier(tx: Connection, principal: Principal, scope: Scope, as_of: datetime) -> list[Earlier]:
    """Of the documents within ``scope`` whose current version came after ``as_of``, the version of that time, if there was one."""
    visible = visible_documents(principal)
    if scope.sources:
        visible = visible.where(documents.c.source.in_(scope.sources))
    if scope.documents:
        visible = visible.where(documents.c.id.in_(scope.documents))
    known = visible.subquery()
    then = (
        select(document_versions.c.document, func.max(document_versions.c.version).label("version"))
        .where(document_versions.c.created <= rfc3339(as_of))
        .group_by(document_versions.c.document)
        .subquery()
    )
    query = (
        select(
            document_versions.c.document,
            document_versions.c.version,
            document_versions.c.title,
            document_versions.c.text,
            document_versions.c.layout,
            document_versions.c.passages,
        )
        .join(then, (then.c.document == document_versions.c.document) & (then.c.version == document_versions.c.version))
        .join(known, (known.c.id == then.c.document) & (known.c.version > then.c.version))
        .order_by(document_versions.c.created.desc(), document_versions.c.document)
        .limit(_MOST_VERSIONS)
    )
    return [_earlier(row) for row in tx.execute(query)]


def _earlier(row: Any) -> Earlier:
    chunks = chunks_of(row.passages, Headers(row.text, load_layout(row.layout)))
    return Earlier(row.document, row.version, row.title, row.text, chunks)


def proposed(
    versions: list[Earlier], wanted: Mapping[str, int], statistics: Statistics, embedder: Embedder
) -> Candidates:
    """Their passages that may rank, as an index would propose them."""
    places: list[Place] = []
    terms: list[str] = []
    texts: list[str] = []
    for each in versions:
        for chunk in each.chunks:
            part = each.title, chunk.section, each.text[chunk.start : chunk.end], chunk.header
            places.append(Place(each.document, each.version, chunk.start, chunk.end, chunk.section))
            terms.append(" ".join(indexed_terms(*part)))
            texts.append(embedded_text(*part))
    words = bm25(wanted, terms, statistics)
    rows = np.argsort(-words, kind="stable")[:_MOST_EMBEDDED].tolist()
    vectors: NDArray[np.float32] = embedder.embed([texts[row] for row in rows])
    return Candidates([places[row] for row in rows], [terms[row] for row in rows], vectors)
