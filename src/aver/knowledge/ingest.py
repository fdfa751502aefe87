"""Bring a tenant's documents to what a source holds now, in steps that are each consistent."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select, update

from aver.core import Clock
from aver.knowledge.access import AccessList
from aver.knowledge.changes import Changes, Put, dated, steps
from aver.knowledge.lineage import kept_originals, release_originals
from aver.knowledge.listing import listed
from aver.knowledge.originals import Originals
from aver.knowledge.parsers import Parsers
from aver.knowledge.preparation import Failed, Held, Prepared, Unchanged, embedded_text, prepare
from aver.knowledge.statistics import intern_acl
from aver.knowledge.store import BY_HAND, documents, sources
from aver.knowledge.types import IngestReport, ItemFailure, Progress, Source, SourceItem
from aver.store import TenantStore

__all__ = ["Ingest", "document_id"]

_PASSAGES_A_STEP = 1024
_PASSAGES_A_CALL = 128


def document_id(source: str, path: str) -> str:
    """The same for the same path of the same source, always, and saying nothing of either."""
    digest = hashlib.sha256(f"{source}\0{path}".encode("utf-8", "surrogatepass")).digest()
    return "doc_" + base64.b32encode(digest[:16]).decode().rstrip("=").lower()


class _Known(NamedTuple):
    id: str
    path: str
    uri: str
    digest: str
    revision: str
    acl: int
    updated: str


@dataclass
class _Counts:
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    acl_changed: int = 0
    passages: int = 0
    failed: list[ItemFailure] = field(default_factory=list)
    skipped: list[ItemFailure] = field(default_factory=list)


@dataclass
class _Step:
    """Documents that become visible together."""

    contents: list[Prepared] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Of the passages that are not embedded yet."""
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    passages: int = 0
    told: int = 0
    """Of how many documents progress was told."""

    def add(self, content: Prepared) -> None:
        self.contents.append(content)
        self.passages += len(content.chunks)
        self.texts += [
            embedded_text(content.title, chunk.section, content.text[chunk.start : chunk.end], chunk.header)
            for chunk in content.chunks
        ]


class Ingest:
    """One run over one source, under the lock of that source. What changed since the last run is enough to see, unless everything is
    asked for, or other rules of access are to hold for everything."""

    def __init__(
        self,
        store: TenantStore,
        parsers: Parsers,
        source: Source,
        access: AccessList | None,
        passwords: Sequence[str],
        progress: Progress | None,
        *,
        whole: bool = False,
        clock: Clock,
        originals: Originals,
        keep_originals: bool = True,
        halt: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._halt = halt
        self._originals = originals
        self._keep_originals = keep_originals
        self._parsers = parsers
        self._passwords = passwords
        self._source = source
        stored, cursor = self._stored()
        self._access = access or stored or AccessList.everyone()
        self._progress = progress
        self._counts = _Counts()
        self._listed = listed(source, "" if whole or self._access != stored else cursor)
        self._items = self._listed.items
        self._known = self._read_known()
        self._touched: list[SourceItem] = []
        """Whose content is the same under another revision, or of a later date."""
        self._complete = True
        self._done = 0

    def run(self, changes: Changes) -> IngestReport:
        """Deletions and new access lists take effect at once, before anything is read; then content, step by step, until it is to stop."""
        self._changes = changes
        self._delete()
        self._tidy_originals()
        acls, moved = self._apply_access()
        changes.settle()
        self._take_in(acls, moved)
        self._note_where_it_stands()
        counts = self._counts
        return IngestReport(
            added=counts.added,
            changed=counts.changed,
            deleted=counts.deleted,
            unchanged=counts.unchanged,
            failed=tuple(counts.failed),
            skipped=tuple(counts.skipped),
            acl_changed=counts.acl_changed,
            passages=counts.passages,
            seconds=0.0,
            complete=self._complete,
        )

    def _stored(self) -> tuple[AccessList | None, str]:
        """The source's access list, and the cursor that its last complete run ended with."""
        query = select(sources.c.access, sources.c.cursor).where(sources.c.name == self._source.name)
        with self._store.read() as tx:
            row = tx.execute(query).one_or_none()
        return (None, "") if row is None else (AccessList.from_json(row.access), row.cursor)

    def _store_access(self, tx: Connection) -> None:
        values = {"name": self._source.name, "access": self._access.to_json()}
        if not tx.execute(update(sources).where(sources.c.name == self._source.name).values(values)).rowcount:
            tx.execute(insert(sources).values(**BY_HAND, **values))

    def _note_where_it_stands(self) -> None:
        """What could not be had has to be listed again: then the next run begins where this one did."""
        with self._store.begin() as tx:
            for item in self._touched:
                known = self._known[item.path]
                now = {"revision": item.revision, "updated": self._dated(item)}
                tx.execute(update(documents).where(documents.c.id == known.id).values(now))
            if self._complete:
                stands = update(sources).where(sources.c.name == self._source.name)
                tx.execute(stands.values(cursor=self._listed.cursor))

    def _read_known(self) -> dict[str, _Known]:
        columns = [documents.c[name] for name in _Known._fields]
        query = select(*columns).where(documents.c.source == self._source.name, documents.c.acl.is_not(None))
        with self._store.read() as tx:
            return {row.path: _Known._make(row) for row in tx.execute(query)}

    def _delete(self) -> None:
        there = {item.path for item in self._items}
        out = self._known.keys() - there if self._listed.whole else self._known.keys() & self._listed.gone
        for gone in steps([row for path, row in self._known.items() if path in out]):
            body = {"source": self._source.name, "deleted": [[row.id, row.path] for row in gone]}
            self._changes.delete([row.id for row in gone], body)
            self._counts.deleted += len(gone)

    def _apply_access(self) -> tuple[dict[str, int], set[str]]:
        """The reader set of every path; and the paths of known documents whose readers changed.

        A document's readers are those of its path now, whichever of its versions is read, so this waits for no content.
        """
        readers = {item.path: self._readers(item) for item in self._items}
        with self._store.begin() as tx:
            self._store_access(tx)
            ids = {distinct: intern_acl(tx, distinct) for distinct in sorted(set(readers.values()))}
            for item in self._items:
                known = self._known.get(item.path)
                if known and known.uri != item.uri:
                    tx.execute(update(documents).where(documents.c.id == known.id).values(uri=item.uri))
        acls = {path: ids[distinct] for path, distinct in readers.items()}
        moved = [row for path, row in self._known.items() if path in acls and acls[path] != row.acl]
        for acl, distinct in sorted((acl, distinct) for distinct, acl in ids.items()):
            for step in steps([row for row in moved if acls[row.path] == acl]):
                names = [[row.id, row.path] for row in step]
                body = {"source": self._source.name, "acl_changed": names, "readers": list(distinct)}
                self._changes.move([row.id for row in step], acl, body)
        return acls, {row.path for row in moved}

    def _readers(self, item: SourceItem) -> tuple[str, ...]:
        """Those that the source itself names; else those that the access list does."""
        return self._access.readers(item.path) if item.readers is None else tuple(sorted(set(item.readers)))

    def _tidy_originals(self) -> None:
        """Nothing of the source is kept but what its documents name; nothing at all where originals are not to be kept any more."""
        if not self._keep_originals:
            with self._store.begin() as tx:
                release_originals(tx, self._source.name)
        with self._store.read() as tx:
            named = kept_originals(tx, self._source.name)
        self._originals.tidy(self._source.name, named)

    def _take_in(self, acls: Mapping[str, int], moved: set[str]) -> None:
        self._halt()
        counts, step = self._counts, _Step()
        counts.failed += self._listed.refused
        known = {path: Held(row.digest, row.revision) for path, row in self._known.items()}
        keep = partial(self._originals.keep, self._source.name) if self._keep_originals else None
        with closing(prepare(self._source, self._items, known, self._parsers, self._passwords, keep)) as outcomes:
            for outcome in outcomes:
                self._halt()
                if isinstance(outcome, Prepared):
                    step.add(outcome)
                    # A little at a time, so that embedding begins at once and goes on beside the reading of what follows.
                    if len(step.texts) >= _PASSAGES_A_CALL:
                        self._embed(step)
                    if step.passages >= _PASSAGES_A_STEP:
                        self._put(step, acls)
                        step = _Step()
                    continue
                counts.acl_changed += outcome.item.path in moved
                if isinstance(outcome, Unchanged):
                    counts.unchanged += 1
                    was = self._known[outcome.item.path]
                    if (outcome.item.revision, self._dated(outcome.item)) != (was.revision, was.updated):
                        self._touched.append(outcome.item)
                if isinstance(outcome, Failed):
                    failure = ItemFailure(outcome.item.path, outcome.error)
                    (counts.skipped if outcome.skipped else counts.failed).append(failure)
                    self._complete = self._complete and not outcome.again
                self._tell(1, outcome.item.path)
        if step.contents:
            self._put(step, acls)

    def _dated(self, item: SourceItem) -> str:
        """The date of a document whose content is what it was: never an earlier one. Its version stays as old as it is, so that a
        question as of a date before this one still finds it."""
        was = self._known[item.path].updated
        return was if item.changed is None else max(was, dated(item, self._clock.now()))

    def _embed(self, step: _Step) -> None:
        step.vectors.append(self._changes.embed(step.texts))
        step.texts.clear()
        self._tell(len(step.contents) - step.told, step.contents[-1].item.path)
        step.told = len(step.contents)

    def _put(self, step: _Step, acls: Mapping[str, int]) -> None:
        source, counts = self._source.name, self._counts
        self._embed(step)
        self._halt()
        puts = [
            Put(document_id(source, content.item.path), source, acls[content.item.path], content)
            for content in step.contents
        ]
        self._changes.put(puts, np.concatenate(step.vectors))
        changed = sum(content.item.path in self._known for content in step.contents)
        counts.changed += changed
        counts.added += len(puts) - changed
        counts.passages += step.passages

    def _tell(self, documents_done: int, path: str) -> None:
        self._done += documents_done
        if self._progress is not None:
            self._progress(self._done, len(self._items), path)
