"""Changes to documents and index, each visible as a whole or not at all.

What adds or changes text writes the index first, as a version that nobody reads; then one SQL transaction makes documents,
statistics, that version and the evidence of it current together. What a crash leaves in the index is dropped by the next change.

What takes text or readers away does not wait for the index, nor for whoever writes it: one SQL transaction, and nobody is shown
it any more, because whatever the index proposes is looked up in SQL before it is shown. The transaction notes what the index does
not know yet, and the next to write it makes good (:meth:`Changes.settle`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select, update

from aver.core import Clock, new_id, rfc3339
from aver.core.errors import Unavailable
from aver.evidence import Ledger
from aver.evidence.types import StepKind
from aver.knowledge.index import Index, IndexWriter, Place, Row
from aver.knowledge.layout import dump_layout
from aver.knowledge.lineage import forget_origins, note_origin
from aver.knowledge.originals import ORIGINALS, Originals
from aver.knowledge.passages import stored_chunks
from aver.knowledge.preparation import Prepared, embedded_text
from aver.knowledge.recipes import Embedders, recipe
from aver.knowledge.state import (
    LOCK,
    State,
    held,
    note_pending,
    pending,
    read_state,
    settled,
    write_state,
)
from aver.knowledge.statistics import Tally
from aver.knowledge.store import CURRENT, TIDIED, document_versions, documents
from aver.knowledge.types import SourceItem
from aver.store import TenantStore

__all__ = ["LOCK", "Changes", "Put", "dated", "steps"]

_DOCUMENTS_A_STEP = 2000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Put:
    """A document to add or change: its id, its source, its content, and the reader set it is under."""

    document: str
    source: str
    acl: int
    content: Prepared


class Overtaken(Exception):
    """Documents were deleted or moved between what a change read and what it was about to commit."""


def steps(all_of_them: Sequence[T]) -> Iterator[Sequence[T]]:
    """A long list in the portions that are changed at once."""
    for start in range(0, len(all_of_them), _DOCUMENTS_A_STEP):
        yield all_of_them[start : start + _DOCUMENTS_A_STEP]


class Changes:
    """The changes of one run, which are one turn in evidence. Each takes ``LOCK`` for itself, if it needs it.

    The index is not opened before the first change.
    """

    def __init__(
        self, store: TenantStore, ledger: Ledger, embedders: Embedders, clock: Clock, index: Index, run: str = "ingest"
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._embedders = embedders
        self._clock = clock
        self._index = index
        self._originals = Originals(store.directory / ORIGINALS)
        self._turn = new_id(run)
        state = self._current()
        self._embedder = (state and embedders.of(state.recipe)) or embedders.default
        self._recipe = ""
        """Of what is being written."""

    def delete(self, ids: Sequence[str], body: Mapping[str, Any], by: str | None = None) -> None:
        """Remove documents at once: their text, and what the statistics know of them. ``by``: who asked for it by hand."""
        kind: StepKind = "deleted" if by else "ingested"
        kept: list[str] = []
        with self._at_once(ids, None) as (tx, alive):
            nothing = {"path": "", "uri": "", "title": "", "digest": "", "revision": "", "acl": None}
            nothing["updated"] = self._now()
            for document in alive:
                tx.execute(update(documents).where(documents.c.id == document).values(nothing))
                tx.execute(delete(document_versions).where(document_versions.c.document == document))
                kept += forget_origins(tx, document)
            self._record(tx, kind, {"deleted": len(alive)}, body, by)
        self._originals.drop(kept)

    def move(self, ids: Sequence[str], acl: int, body: Mapping[str, Any]) -> None:
        """Put documents under another reader set: at once out of sight of whoever may not read them any more, and found by
        their new readers once the index knows."""
        with self._at_once(ids, acl) as (tx, alive):
            for document in alive:
                tx.execute(update(documents).where(documents.c.id == document).values(acl=acl))
            self._record(tx, "ingested", {"acl_changed": len(alive)}, body)

    @contextmanager
    def _at_once(self, ids: Sequence[str], acl: int | None) -> Iterator[tuple[Connection, list[str]]]:
        """The transaction that takes the documents of ``ids`` that are alive away, or puts them under ``acl``, without the index."""
        while True:
            with self._store.read() as tx:
                state, alive = read_state(tx).get(CURRENT), _among(tx, ids)
            try:
                rows = self._rows(state, list(alive))
            except Unavailable:
                if self._current() == state:
                    raise
                continue  # the version was replaced in the meantime
            tally = Tally()
            for row in rows:
                terms = row.terms.split()
                tally.remove(alive[row.place.document][1], terms)
                if acl is not None:
                    tally.add(acl, terms)
            with self._store.begin() as tx:
                if _among(tx, ids) == alive:
                    yield tx, list(alive)
                    note_pending(tx, list(alive))
                    tally.apply(tx)
                    return

    def _rows(self, state: State | None, ids: Sequence[str]) -> list[Row]:
        if state is None or not ids:
            return []
        return [row for portion in self._index.rows(state.version, ids) for row in portion]

    def settle(self, patience: float | None = None) -> None:
        """Tell the index what it does not know yet. Takes ``LOCK``, waiting ``patience`` seconds for it; :class:`Conflict` after these."""
        with self._store.read() as tx:
            if not pending(tx):
                return
        with held(self._store, patience=patience):
            self.settle_into(self.open())

    def settle_into(self, writer: IndexWriter) -> None:
        """As :meth:`settle`, for whoever holds ``LOCK``."""
        with self._store.read() as tx:
            waiting = pending(tx)
        if not waiting:
            return
        writer.remove([document for document, acl in waiting.items() if acl is None])
        for acl in sorted({acl for acl in waiting.values() if acl is not None}):
            writer.move([document for document, now in waiting.items() if now == acl], acl)
        with self.commit(writer) as tx:
            settled(tx, waiting)

    def put(self, puts: Sequence[Put], vectors: NDArray[np.float32]) -> None:
        """Add documents, or give them a new version. ``vectors`` holds a row for every passage, in order, made by :meth:`embed`."""
        with held(self._store):
            done = False
            while not done:
                try:
                    vectors = self._put(puts, vectors)
                    done = True
                except Overtaken:
                    continue

    def _put(self, puts: Sequence[Put], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        writer, ids = self.open(), [put.document for put in puts]
        vectors = self._again(puts, vectors)
        self.settle_into(writer)
        with self._store.read() as tx:
            firsts, before = _next_versions(tx, ids), _among(tx, ids)
            state = read_state(tx).get(CURRENT)
        versions = {put.document: firsts[put.document] + len(put.content.past) for put in puts}
        tally = Tally()
        for row in self._rows(state, list(before)):
            tally.remove(before[row.place.document][1], row.terms.split())
        writer.remove(list(before))
        rows = []
        for put in puts:
            for chunk, terms in zip(put.content.chunks, put.content.terms, strict=True):
                tally.add(put.acl, terms)
                place = Place(put.document, versions[put.document], chunk.start, chunk.end, chunk.section)
                rows.append(Row(place, put.acl, " ".join(terms)))
        writer.add(rows, vectors)
        writer.keep_up()
        facts = {"added": len(puts) - len(before), "changed": len(before), "passages": len(rows)}
        names = [[put.document, versions[put.document], put.source, put.content.item.path] for put in puts]
        with self.commit(writer) as tx:
            if pending(tx, ids):
                raise Overtaken
            for put in puts:
                first = firsts[put.document]
                _store_document(tx, put, first, self._clock.now())
                for version, each in enumerate((*put.content.past, put.content), first):
                    note_origin(tx, put.document, version, each, self._turn, self._clock.now())
            tally.apply(tx)
            self._record(tx, "ingested", facts, {"documents": names})
        return vectors

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape ``(len(texts), dimension)``, by the embedder of the current index."""
        return self._embedder.embed(texts) if texts else np.empty((0, self._embedder.dimension), np.float32)

    def _again(self, puts: Sequence[Put], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """``vectors``, or others in their place when the current index has come to be of another embedder meanwhile."""
        state = self._current()
        now = (state and self._embedders.of(state.recipe)) or self._embedders.default
        if now is self._embedder:
            return vectors
        self._embedder = now
        texts = [
            embedded_text(put.content.title, chunk.section, put.content.text[chunk.start : chunk.end], chunk.header)
            for put in puts
            for chunk in put.content.chunks
        ]
        return self.embed(texts)

    def tidy(self, patience: float | None = None) -> None:
        """Fresh indexes, and nothing on disk of what was removed; nothing at all if that is so already. Takes ``LOCK`` as :meth:`settle`."""
        with self._store.read() as tx:
            state, waiting = read_state(tx), pending(tx)
        if CURRENT not in state or (state.get(TIDIED) == state[CURRENT] and not waiting):
            return
        with held(self._store, patience=patience):
            writer = self.open()
            self.settle_into(writer)
            writer.tidy()
            self._name_tidied(writer)
            writer.prune()
            # Pruning finds nothing left to do and so makes no version; if it did, that is the one to read.
            self._name_tidied(writer)
            self._drop_strays()
        self._store.scrub()

    def _drop_strays(self) -> None:
        """Remove generations that nothing names: what a crash left of one that was made, or was to be dropped."""
        found = self._index.generations()
        with self._store.read() as tx:
            named = {state.version.generation for state in read_state(tx).values()}
        for generation in sorted(found - named):
            self._index.drop(generation)

    def open(self) -> IndexWriter:
        """The writer of the current generation, at its current version; an empty first one if there is none. For whoever holds ``LOCK``."""
        state = self._current()
        if state is None:
            writer = self._index.writer(1, self._embedder.dimension)
            writer.begin(None)
            self._recipe = recipe(self._embedder)
            return writer
        embedder = self._embedders.of(state.recipe)
        if embedder is None:
            raise Unavailable(
                f"The index was made with {state.recipe!r}, which this process cannot write",
                "Run: aver index rebuild",
            )
        writer = self._index.writer(state.version.generation, embedder.dimension)
        writer.begin(state.version.number)
        self._recipe = state.recipe
        return writer

    @contextmanager
    def commit(self, writer: IndexWriter) -> Iterator[Connection]:
        """The transaction that makes what was written to the index current."""
        version = writer.version
        with self._store.begin() as tx:
            yield tx
            write_state(tx, CURRENT, State(version, self._recipe))

    def _record(
        self,
        tx: Connection,
        kind: StepKind,
        facts: Mapping[str, Any],
        body: Mapping[str, Any] | None,
        by: str | None = None,
    ) -> None:
        self._ledger.append(tx, turn=self._turn, kind=kind, subject=by, facts=facts, body=body)

    def _name_tidied(self, writer: IndexWriter) -> None:
        with self.commit(writer) as tx:
            write_state(tx, TIDIED, State(writer.version, self._recipe))

    def _current(self) -> State | None:
        with self._store.read() as tx:
            return read_state(tx).get(CURRENT)

    def _now(self) -> str:
        return rfc3339(self._clock.now())


def _among(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Version and reader set of those of these documents that are alive."""
    query = select(documents.c.id, documents.c.version, documents.c.acl)
    found = tx.execute(query.where(documents.c.id.in_(ids), documents.c.acl.is_not(None)))
    return {row.id: (row.version, row.acl) for row in found}


def _next_versions(tx: Connection, ids: Sequence[str]) -> dict[str, int]:
    """One more than the last that each had, and was ever deleted with."""
    known = {
        row.id: row.version
        for row in tx.execute(select(documents.c.id, documents.c.version).where(documents.c.id.in_(ids)))
    }
    return {document: known.get(document, 0) + 1 for document in ids}


def _store_document(tx: Connection, put: Put, first: int, now: datetime) -> None:
    """Its versions from number ``first`` on: what it was before, then what it is."""
    content = put.content
    last = first + len(content.past)
    since = ""
    if first > 1:
        was = select(func.max(document_versions.c.created)).where(document_versions.c.document == put.document)
        since = tx.execute(was).scalar() or ""
    for version, each in enumerate((*content.past, content), first):
        # What a source says of its dates may go back, such as where something was taken out again; a version follows the one before.
        since = max(since, dated(each.item, now))
        text = {"title": each.title, "uri": each.item.uri, "digest": each.digest, "text": each.text}
        made = {
            "created": since,
            "passages": stored_chunks(each.chunks),
            "layout": dump_layout(each.blocks),
        }
        tx.execute(insert(document_versions), {"document": put.document, "version": version, **text, **made})
    item = {"path": content.item.path, "uri": content.item.uri, "revision": content.item.revision}
    about = {"title": content.title, "digest": content.digest, "updated": since}
    current = {**item, **about, "version": last, "acl": put.acl}
    if first == 1:
        tx.execute(insert(documents), {"id": put.document, "source": put.source, **current})
    else:
        tx.execute(update(documents).where(documents.c.id == put.document).values(current))


def dated(item: SourceItem, now: datetime) -> str:
    """The moment from which on an item was this; never one to come."""
    return rfc3339(min(item.changed or now, now))
