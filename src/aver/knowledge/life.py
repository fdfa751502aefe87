"""The life of a tenant's index: look at it, check it, mend it, name what it is, go back, make it anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from aver.core import Clock, new_id, rfc3339
from aver.core.errors import Unavailable
from aver.evidence import Ledger
from aver.gateway.types import Embedder
from aver.knowledge import snapshots
from aver.knowledge.changes import Changes, Put, steps
from aver.knowledge.index import Index
from aver.knowledge.passages import live, stored_passages
from aver.knowledge.preparation import Prepared, embedded_text, indexed_terms
from aver.knowledge.rebuild import Rebuild, counted
from aver.knowledge.recipes import Embedders
from aver.knowledge.snapshots import Past, Snapshot
from aver.knowledge.soundness import Soundness
from aver.knowledge.state import State, held, pending, read_state
from aver.knowledge.statistics import forget_statistics
from aver.knowledge.store import BUILDING, CURRENT, TIDIED, acls
from aver.knowledge.traits import traits
from aver.knowledge.types import Progress, SourceItem
from aver.knowledge.verification import Verified, verify
from aver.store import TenantStore

__all__ = ["IndexLife", "IndexStatus", "Rebuilt", "Repaired", "RolledBack"]

_DOCUMENTS_A_STEP = 128
_PASSAGES_A_STEP = 1024


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """An index as it is. ``generation`` and ``version`` are 0 before the first document."""

    engine: str
    generation: int
    version: int
    recipe: str
    documents: int
    passages: int
    bytes: int
    tidy: bool
    """Whether nothing is left in it of what was removed."""
    pending: int
    """Documents that were deleted or moved, which nobody is shown any more, and which are still to be taken out or moved in it."""
    building: str
    """The recipe of an index that is being made beside it, or that was cut off; empty when there is none."""
    snapshots: int


@dataclass(frozen=True, slots=True)
class Repaired:
    documents: int
    """Whose passages were put right."""
    statistics: bool
    """Whether the statistics were made anew."""
    rebuilt: bool
    """Whether all of the index was made anew, because it could not be read."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    snapshot: str
    restored: int
    """Documents with the content that they had then, as a new version."""
    removed: int
    """Documents that came after it, taken out; the next ingest of their source brings them back."""
    rebuilt: bool
    """Whether the index was made anew with the recipe of then."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    documents: int
    recipe: str
    seconds: float


class IndexLife:
    """Of one tenant. Blocking; searches go on meanwhile, and so do ingests, except for the moments in which a change is made."""

    def __init__(self, store: TenantStore, ledger: Ledger, embedders: Embedders, clock: Clock, index: Index) -> None:
        self._store = store
        self._ledger = ledger
        self._embedders = embedders
        self._clock = clock
        self._index = index
        self._soundness = Soundness(store, index)

    def glance(self) -> str:
        """What a quick look at some of the index finds wrong, at others each time; empty for nothing. Not to be called by two threads at once."""
        return self._soundness.look()

    def status(self) -> IndexStatus:
        with self._store.read() as tx:
            state, waiting = read_state(tx), len(pending(tx))
            documents, passages = len(live(tx)), tx.execute(select(func.sum(acls.c.passages))).scalar_one() or 0
            taken = len(snapshots.listed(tx))
        current = state.get(CURRENT)
        return IndexStatus(
            engine=self._index.abilities.engine,
            generation=current.version.generation if current else 0,
            version=current.version.number if current else 0,
            recipe=current.recipe if current else "",
            documents=documents,
            passages=int(passages),
            bytes=self._index.size(),
            tidy=not waiting and state.get(TIDIED) == current,
            pending=waiting,
            building=state[BUILDING].recipe if BUILDING in state else "",
            snapshots=taken,
        )

    def verify(self, progress: Progress | None = None) -> Verified:
        """Whether every passage that the store says is in the index, and the reverse; whether the statistics are theirs. Reads everything.

        A version that is replaced while it is read is read again. Raises :class:`~aver.core.errors.Unavailable` when the index
        cannot be read.
        """
        while True:
            before = self._current()
            try:
                return verify(self._store, self._index, progress)
            except Unavailable:
                if self._current() == before:
                    raise

    def repair(self, progress: Progress | None = None) -> Repaired:
        """Make again, from the stored texts, what :meth:`verify` finds wrong; one change, visible as a whole.

        An index that cannot be read at all is made anew. Raises :class:`~aver.core.errors.Unavailable` when the index was made
        with an embedder that is not here.
        """
        changes = self._changes()
        try:
            with held(self._store):
                return self._repair(changes, progress)
        except Unavailable:
            state = self._current()
            if state is None or self._readable():
                raise
        self._rebuild(self._embedders.of(state.recipe) or self._embedders.default, "rebuilt", progress)
        return Repaired(len(self._wanted()), statistics=False, rebuilt=True)

    def _repair(self, changes: Changes, progress: Progress | None) -> Repaired:
        writer = changes.open()
        changes.settle_into(writer)
        found = self.verify(progress)
        if found.ok:
            return Repaired(0, statistics=False, rebuilt=False)
        while True:
            wanted = self._wanted()
            for some in steps(sorted(found.wrong)):
                writer.remove(some)
                with self._store.read() as tx:
                    here = {document: wanted[document] for document in some if document in wanted}
                    portions = list(stored_passages(tx, here, _PASSAGES_A_STEP))
                for passages in portions:
                    writer.add(passages.rows, changes.embed(passages.texts))
            tally = counted(self._index, writer.version)
            with changes.commit(writer) as tx:
                if pending(tx):  # what was counted is not what is now
                    overtaken = True
                else:
                    overtaken = False
                    forget_statistics(tx)
                    tally.apply(tx)
                    facts = {"documents": len(found.wrong), "statistics": not found.statistics}
                    self._record(tx, "repaired", facts, {"problems": found.problems[:100]})
            if not overtaken:
                return Repaired(len(found.wrong), not found.statistics, rebuilt=False)
            changes.settle_into(writer)

    def snapshot(self, name: str) -> Snapshot:
        """Name what is found now, to go back to: which version of each document, and the recipe.

        Raises :class:`~aver.core.errors.Conflict` when the name is taken.
        """
        with self._store.begin() as tx:
            state = read_state(tx).get(CURRENT)
            taken = snapshots.take(tx, name, state.recipe if state else "", rfc3339(self._clock.now()))
            self._record(tx, "snapshot", {"documents": taken.documents}, {"name": name})
        return taken

    def snapshots(self) -> list[Snapshot]:
        """All of them, oldest first."""
        with self._store.read() as tx:
            return snapshots.listed(tx)

    def rollback(self, name: str, progress: Progress | None = None) -> RolledBack:
        """Let the index find what it found at a snapshot, as far as that may still be found.

        Documents get the content back that they had then, as a new version. **Deletions and readers stay as they are now**: a
        document that was deleted since is not brought back, one that was revoked stays so. Documents that came later are taken out;
        their sources still hold them, so that the next ingest brings them back, as it does with content that is newer at its source.
        If the recipe was another, the index is made anew with it, beside the one that is read.

        Cut off at any moment, each document is as it was or as it is to be, and another run completes it. Raises
        :class:`~aver.core.errors.NotFound` for the snapshot, and :class:`~aver.core.errors.Unavailable` when its embedder is not here.
        """
        with self._store.read() as tx:
            snapshot, state = snapshots.find(tx, name), read_state(tx).get(CURRENT)
            later = snapshots.added_since(tx, name)
        embedder = self._embedders.of(snapshot.recipe) if snapshot.recipe else self._embedders.default
        if embedder is None:
            raise Unavailable(
                f"The snapshot {name!r} is of an index made with {snapshot.recipe!r}, which is not here",
                "Roll back where that embedder is, or rebuild.",
            )
        changes, restored = self._changes(), 0
        for some in steps(later):
            changes.delete(some, {"rolled_back": name, "documents": list(some)})
        while past := self._changed_since(name):
            puts = [_put(each) for each in past]
            changes.put(puts, changes.embed(_texts(past)))
            restored += len(puts)
            if progress is not None:
                progress(restored, snapshot.documents, "")
        changes.tidy()
        rebuilt = bool(snapshot.recipe) and state is not None and state.recipe != snapshot.recipe
        if rebuilt:
            self._rebuild(embedder, "migrated", progress)
        with self._store.begin() as tx:
            self._record(tx, "rolled_back", {"restored": restored, "removed": len(later)}, {"snapshot": name})
        return RolledBack(name, restored, len(later), rebuilt)

    def _changed_since(self, name: str) -> list[Past]:
        with self._store.read() as tx:
            return snapshots.changed_since(tx, name, _DOCUMENTS_A_STEP)

    def rebuild(self, progress: Progress | None = None) -> Rebuilt:
        """Make the index anew from the stored texts, beside the one that is read, with the embedder it has, and switch.

        Cut off, what was read before is read still, and another run goes on where this one stopped. Raises
        :class:`~aver.core.errors.Conflict` while another process does so.
        """
        state = self._current()
        return self._rebuild(
            (state and self._embedders.of(state.recipe)) or self._embedders.default, "rebuilt", progress
        )

    def migrate(self, to: str | None = None, progress: Progress | None = None) -> Rebuilt:
        """As :meth:`rebuild`, with the embedder called ``to``: by default the one that new indexes are made with.

        Both are read meanwhile: queries go to the old vectors, by the old embedder, until the moment of the switch, and to the
        new ones after it. A process that has only one of them answers with an error on the other side of that moment.
        Raises :class:`~aver.core.errors.NotFound` for the embedder.
        """
        return self._rebuild(self._embedders.named(to) if to else self._embedders.default, "migrated", progress)

    def renew(self) -> None:
        """Make the index anew if this process can neither read nor write it as it is."""
        state = self._current()
        if state is not None and self._embedders.of(state.recipe) is None:
            self._rebuild(self._embedders.default, "migrated", None)

    def _rebuild(self, embedder: Embedder, action: str, progress: Progress | None) -> Rebuilt:
        started = self._clock.monotonic()
        work = Rebuild(self._store, self._ledger, self._clock, self._index, embedder, action)
        documents = work.run(progress)
        state = self._current()
        return Rebuilt(documents, state.recipe if state else "", self._clock.monotonic() - started)

    def _readable(self) -> bool:
        """Whether the current version of the index can be read to its end."""
        state = self._current()
        try:
            for _ in self._index.rows(state.version) if state else ():
                pass
        except Unavailable:
            return False
        return True

    def _wanted(self) -> dict[str, tuple[int, int]]:
        with self._store.read() as tx:
            return live(tx)

    def _current(self) -> State | None:
        with self._store.read() as tx:
            return read_state(tx).get(CURRENT)

    def _changes(self) -> Changes:
        return Changes(self._store, self._ledger, self._embedders, self._clock, self._index, "index")

    def _record(self, tx: Any, action: str, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        facts = {"action": action, **facts}
        self._ledger.append(tx, turn=new_id("index"), kind="indexed", subject=None, facts=facts, body=body)


def _put(past: Past) -> Put:
    item = SourceItem(past.path, past.uri, len(past.text))
    terms = [
        indexed_terms(past.title, chunk.section, past.text[chunk.start : chunk.end], chunk.header)
        for chunk in past.chunks
    ]
    measured = traits(past.text, past.blocks)
    content = Prepared(item, past.digest, past.title, past.text, past.blocks, past.chunks, terms, measured)
    return Put(past.document, past.source, past.acl, content)


def _texts(past: Sequence[Past]) -> list[str]:
    return [
        embedded_text(each.title, chunk.section, each.text[chunk.start : chunk.end], chunk.header)
        for each in past
        for chunk in each.chunks
    ]
