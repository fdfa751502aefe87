"""Changes to documents and index, each visible as a whole or not at all.

The index is written first, as a version that nobody reads; then one SQL transaction makes documents, statistics, that
version and the evidence of it current together. What a crash leaves in the index is dropped by the next change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select, update

from aver.core import Clock, new_id, rfc3339
from aver.evidence import Ledger
from aver.evidence.types import StepKind
from aver.gateway.types import Embedder
from aver.knowledge.index import PassageIndex, Place
from aver.knowledge.index_writer import IndexWriter
from aver.knowledge.layout import dump_layout, load_layout
from aver.knowledge.preparation import Prepared, embedded_text, indexed_terms
from aver.knowledge.search import recipe
from aver.knowledge.statistics import Tally, forget_statistics
from aver.knowledge.store import CURRENT, TIDIED, document_versions, documents, index_state
from aver.knowledge.tables import Headers
from aver.store import TenantStore

__all__ = ["LOCK", "Changes", "Put", "steps"]

LOCK = "knowledge"
"""Held by whoever changes documents or the index."""
_DOCUMENTS_A_STEP = 2000
_ROWS_RENEWED = 4096

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Put:
    """A document to add or change: its id, its source, its content, and the reader set it is under."""

    document: str
    source: str
    acl: int
    content: Prepared


def steps(all_of_them: Sequence[T]) -> Iterator[Sequence[T]]:
    """A long list in the portions that are changed at once."""
    for start in range(0, len(all_of_them), _DOCUMENTS_A_STEP):
        yield all_of_them[start : start + _DOCUMENTS_A_STEP]


class Changes:
    """The changes of one run, which are one turn in evidence. Make one while holding ``LOCK``, use it, drop it.

    The index is not opened before the first change.
    """

    def __init__(
        self, store: TenantStore, ledger: Ledger, embedder: Embedder, clock: Clock, index: PassageIndex
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._embedder = embedder
        self._clock = clock
        self._writer = IndexWriter(index, embedder.dimension)
        self._turn = new_id("ingest")
        self._state = self._read_state()
        self._begun = False

    def _read_state(self) -> dict[str, tuple[int, str]]:
        with self._store.read() as tx:
            return {row.name: (row.version, row.recipe) for row in tx.execute(select(index_state))}

    def delete(self, ids: Sequence[str], body: Mapping[str, Any], by: str | None = None) -> None:
        """Remove documents: their text, their passages, and what the statistics know of them. ``by``: who asked for it by hand."""
        self._begin()
        tally = self._taken_out(ids)
        self._writer.remove(ids)
        kind: StepKind = "deleted" if by else "ingested"
        with self._commit(kind, {"deleted": len(ids)}, body, by) as (tx, now):
            nothing = {"path": "", "uri": "", "title": "", "digest": "", "revision": "", "acl": None, "updated": now}
            for document in ids:
                tx.execute(update(documents).where(documents.c.id == document).values(nothing))
                tx.execute(delete(document_versions).where(document_versions.c.document == document))
            tally.apply(tx)

    def move(self, ids: Sequence[str], acl: int, body: Mapping[str, Any]) -> None:
        """Put documents under another reader set."""
        self._begin()
        tally = Tally()
        for _, before, terms in self._writer.terms(ids):
            tally.remove(before, terms)
            tally.add(acl, terms)
        self._writer.move(ids, acl)
        with self._commit("ingested", {"acl_changed": len(ids)}, body) as (tx, _):
            for document in ids:
                tx.execute(update(documents).where(documents.c.id == document).values(acl=acl))
            tally.apply(tx)

    def put(self, puts: Sequence[Put], vectors: NDArray[np.float32]) -> None:
        """Add documents, or give them a new version. ``vectors`` holds a row for every passage, in order."""
        self._begin()
        with self._store.read() as tx:
            query = select(documents.c.id, documents.c.version, documents.c.acl)
            known = {row.id: row for row in tx.execute(query.where(documents.c.id.in_([put.document for put in puts])))}
        changed = [put.document for put in puts if put.document in known and known[put.document].acl is not None]
        versions = {put.document: known[put.document].version + 1 if put.document in known else 1 for put in puts}
        tally = self._taken_out(changed)
        self._writer.remove(changed)
        rows = []
        for put in puts:
            for chunk, terms in zip(put.content.chunks, put.content.terms, strict=True):
                tally.add(put.acl, terms)
                place = Place(put.document, versions[put.document], chunk.start, chunk.end, chunk.section)
                rows.append({"document": put.document, "place": place, "acl": put.acl, "terms": " ".join(terms)})
        self._writer.add(rows, vectors)
        self._writer.keep_up()
        facts = {"added": len(puts) - len(changed), "changed": len(changed), "passages": len(rows)}
        names = [[put.document, versions[put.document], put.source, put.content.item.path] for put in puts]
        with self._commit("ingested", facts, {"documents": names}) as (tx, now):
            for put in puts:
                _store_document(tx, put, versions[put.document], now)
            tally.apply(tx)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape ``(len(texts), dimension)``."""
        return self._embedder.embed(texts) if texts else np.empty((0, self._embedder.dimension), np.float32)

    def renew(self) -> None:
        """Make the index anew from the stored texts, if it was made with another embedder or analyzer."""
        if CURRENT not in self._state or self._state[CURRENT][1] == recipe(self._embedder):
            return
        self._begin()
        tally, passages = Tally(), 0
        for rows in self._writer.overwriting(_ROWS_RENEWED):
            parts = self._parts([row["place"] for row in rows])
            for row, part in zip(rows, parts, strict=True):
                terms = indexed_terms(*part)
                tally.add(row["acl"], terms)
                row["terms"] = " ".join(terms)
            self._writer.add(rows, self.embed([embedded_text(*part) for part in parts]))
            passages += len(rows)
        self._writer.tidy()
        with self._commit("ingested", {"renewed": passages}, None) as (tx, _):
            forget_statistics(tx)
            tally.apply(tx)

    def _parts(self, places: Sequence[Place]) -> list[tuple[str, str, str, str]]:
        """Title, section, text and table header of each passage."""
        held: dict[tuple[str, int], tuple[str, str, Headers]] = {}
        with self._store.read() as tx:
            for document, version in {(place.document, place.version) for place in places}:
                columns = (document_versions.c.title, document_versions.c.text, document_versions.c.layout)
                query = select(*columns).where(
                    document_versions.c.document == document,
                    document_versions.c.version == version,
                )
                title, text, layout = tx.execute(query).one()
                held[document, version] = (title, text, Headers(text, load_layout(layout)))
        parts = []
        for place in places:
            title, text, headers = held[place.document, place.version]
            parts.append((title, place.section, text[place.start : place.end], headers.of(place.start)))
        return parts

    def tidy(self) -> None:
        """Fresh indexes, few files, nothing on disk of what was removed; nothing at all if that is so already."""
        state = self._read_state()
        if CURRENT not in state or state.get(TIDIED, (0,))[0] == state[CURRENT][0]:
            return
        self._begin()
        self._writer.tidy()
        self._name_version(tidied=True)
        self._writer.prune()
        # Pruning finds nothing left to compact and so makes no version; if it did, that is the one to read.
        self._name_version(tidied=True)
        self._store.scrub()

    def _begin(self) -> None:
        if not self._begun:
            self._writer.begin(self._state[CURRENT][0] if CURRENT in self._state else None)
            self._begun = True

    def _taken_out(self, ids: Sequence[str]) -> Tally:
        tally = Tally()
        for _, acl, terms in self._writer.terms(ids):
            tally.remove(acl, terms)
        return tally

    @contextmanager
    def _commit(
        self, kind: StepKind, facts: Mapping[str, Any], body: Mapping[str, Any] | None, subject: str | None = None
    ) -> Iterator[tuple[Connection, str]]:
        """The transaction that makes what was written to the index current, with the evidence of it."""
        version = self._writer.version
        with self._store.begin() as tx:
            yield tx, rfc3339(self._clock.now())
            _set_state(tx, CURRENT, version, recipe(self._embedder))
            self._ledger.append(tx, turn=self._turn, kind=kind, subject=subject, facts=facts, body=body)

    def _name_version(self, *, tidied: bool) -> None:
        version = self._writer.version
        with self._store.begin() as tx:
            for name in (CURRENT, TIDIED) if tidied else (CURRENT,):
                _set_state(tx, name, version, recipe(self._embedder))


def _set_state(tx: Connection, name: str, version: int, made_with: str) -> None:
    values = {"version": version, "recipe": made_with}
    if not tx.execute(update(index_state).where(index_state.c.name == name).values(values)).rowcount:
        tx.execute(insert(index_state), {"name": name, **values})


def _store_document(tx: Connection, put: Put, version: int, now: str) -> None:
    content = put.content
    shared = {"title": content.title, "uri": content.item.uri, "digest": content.digest}
    item = {"path": content.item.path, "revision": content.item.revision}
    current = {**item, "version": version, "acl": put.acl, "updated": now, **shared}
    if version == 1:
        tx.execute(insert(documents), {"id": put.document, "source": put.source, **current})
    else:
        tx.execute(update(documents).where(documents.c.id == put.document).values(current))
    text = {"document": put.document, "version": version, "text": content.text, "created": now}
    tx.execute(insert(document_versions), {**text, **shared, "layout": dump_layout(content.blocks)})
