"""An index made anew beside the one that is read, and put in its place when it is whole.

It is made from the stored texts, in portions, while documents come and go: what changed meanwhile is compared and made up for, the
rest of it under ``LOCK``, and one transaction names the new generation. Until then searches read the old one, and so they do after a
crash; the next rebuild of the same recipe goes on where this one was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete

from aver.core import Clock, new_id
from aver.evidence import Ledger
from aver.gateway.types import Embedder
from aver.knowledge.index import Index, IndexWriter, Version
from aver.knowledge.passages import live, stored_passages
from aver.knowledge.recipes import analyzer, recipe
from aver.knowledge.state import REBUILDING, State, held, read_state, write_state
from aver.knowledge.statistics import Tally, forget_statistics
from aver.knowledge.store import BUILDING, CURRENT, TIDIED, index_pending
from aver.knowledge.types import Progress
from aver.store import TenantStore

__all__ = ["Rebuild", "counted"]

_DOCUMENTS_A_PORTION, _PASSAGES_A_PORTION = 256, 2048
_FEW = 200
"""Documents that may be left to do under the lock."""

Documents = dict[str, tuple[int, int]]
"""Version and reader set by document."""


class Rebuild:
    """One rebuild with ``embedder``, called ``action`` in its evidence."""

    def __init__(
        self, store: TenantStore, ledger: Ledger, clock: Clock, index: Index, embedder: Embedder, action: str
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._index = index
        self._embedder = embedder
        self._recipe = recipe(embedder)
        self._action = action
        self._has: Documents = {}

    def run(self, progress: Progress | None = None) -> int:
        """How many documents the new index has; 0, and nothing is done, if there is no index yet.

        Raises :class:`~aver.core.errors.Conflict` while another process rebuilds this tenant's index.
        """
        with held(self._store, REBUILDING, patience=0):
            with self._store.read() as tx:
                state = read_state(tx)
            if CURRENT not in state:
                return 0
            writer = self._begun(state)
            while len(todo := self._missing(want := self._wanted())) > _FEW:
                self._write(writer, want, todo, progress)
            self._bring(writer, want, progress)
            writer.tidy()
            self._note(writer)
            old = self._switch(writer)
            self._index.drop(old)
            return len(self._has)

    def _begun(self, state: Mapping[str, State]) -> IndexWriter:
        """The writer of what is to be: of what was cut off, if it was to be the same."""
        building = state.get(BUILDING)
        if building is not None and building.recipe == self._recipe and building.version.number:
            writer = self._index.writer(building.version.generation, self._embedder.dimension)
            writer.begin(building.version.number)
            for rows in self._index.rows(writer.version):
                self._has.update((row.place.document, (row.place.version, row.acl)) for row in rows)
            return writer
        used = self._index.generations() | {each.version.generation for each in state.values()}
        generation = max(used) + 1
        with self._store.begin() as tx:  # named before it exists: nobody takes it for a stray
            write_state(tx, BUILDING, State(Version(generation, 0), self._recipe))
        if building is not None:
            self._index.drop(building.version.generation)
        writer = self._index.writer(generation, self._embedder.dimension)
        writer.begin(None)
        return writer

    def _wanted(self) -> Documents:
        with self._store.read() as tx:
            return live(tx)

    def _missing(self, want: Documents) -> list[str]:
        return [document for document, (version, _) in want.items() if self._has.get(document, (0,))[0] != version]

    def _bring(self, writer: IndexWriter, want: Documents, progress: Progress | None = None) -> None:
        """Make the new index hold exactly ``want``."""
        gone = [document for document in self._has if document not in want]
        if gone:
            writer.remove(gone)
            for document in gone:
                del self._has[document]
        self._write(writer, want, self._missing(want), progress)
        moved: dict[int, list[str]] = {}
        for document, (_, acl) in want.items():
            if self._has[document][1] != acl:
                moved.setdefault(acl, []).append(document)
        for acl, some in moved.items():
            writer.move(some, acl)
            self._has.update((document, want[document]) for document in some)

    def _write(
        self, writer: IndexWriter, want: Documents, todo: Sequence[str], progress: Progress | None = None
    ) -> None:
        outdated = [document for document in todo if document in self._has]
        if outdated:
            writer.remove(outdated)
        for start in range(0, len(todo), _DOCUMENTS_A_PORTION):
            some = {document: want[document] for document in todo[start : start + _DOCUMENTS_A_PORTION]}
            with self._store.read() as tx:
                portions = list(stored_passages(tx, some, _PASSAGES_A_PORTION))
            for passages in portions:
                writer.add(passages.rows, self._embedder.embed(passages.texts))
            self._has.update(some)
            self._note(writer)
            if progress is not None:
                progress(len(self._has), len(want), "")

    def _note(self, writer: IndexWriter) -> None:
        """How far it has come."""
        version = writer.version
        with self._store.begin() as tx:
            write_state(tx, BUILDING, State(version, self._recipe))

    def _switch(self, writer: IndexWriter) -> int:
        """Put the new index in the place of the current one; the generation of that."""
        with held(self._store):
            while True:
                want = self._wanted()
                self._bring(writer, want)
                with self._store.read() as tx:
                    old = read_state(tx)[CURRENT]
                anew = analyzer(old.recipe) != analyzer(self._recipe)
                tally = counted(self._index, writer.version) if anew else None
                state = State(writer.version, self._recipe)
                with self._store.begin() as tx:
                    if live(tx) != want:
                        continue
                    if tally is not None:
                        forget_statistics(tx)
                        tally.apply(tx)
                    write_state(tx, CURRENT, state)
                    write_state(tx, TIDIED, None)
                    write_state(tx, BUILDING, None)
                    tx.execute(delete(index_pending))
                    self._record(tx, {"documents": len(want), "generation": state.version.generation})
                    return old.version.generation

    def _record(self, tx: Any, facts: Mapping[str, Any]) -> None:
        facts = {"action": self._action, **facts}
        body = {"recipe": self._recipe}
        self._ledger.append(tx, turn=new_id("index"), kind="indexed", subject=None, facts=facts, body=body)


def counted(index: Index, version: Version) -> Tally:
    """The statistics of everything that a version of the index holds."""
    tally = Tally()
    for rows in index.rows(version):
        for row in rows:
            tally.add(row.acl, row.terms.split())
    return tally
