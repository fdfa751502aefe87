"""Kill a process at random moments of an index's life, and look at what it leaves.

Each moment starts a process that does one kind of work on a tenant's documents, kills it without warning (SIGKILL) after a random
time, and looks from another process: the index verifies at once, every document is whole and of one edition, none that the work does
not touch is missing, what is found is listed. Work goes on from whatever the crash left.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aver.core import Principal, SystemClock
from aver.evidence import Ledger
from aver.knowledge import AccessList, Knowledge, Page, SourceItem
from aver.store import Store
from aver.testing.embedder import HashEmbedder

__all__ = ["KINDS", "PRELOADED", "Crashes", "Moments"]

PRELOADED = ("aver.testing.crash", "lance_namespace", "pyarrow.dataset")
"""What a process has imported from which others that open an index are forked. The last two are the larger part of what LanceDB
imports; LanceDB itself starts a thread, which a process that is forked should not have."""

_DOCUMENTS = 12
_READY_SECONDS = 120.0
_LEAST_SPAN = 0.05
"""Seconds."""


class _Files:
    """A source of markdown files in memory, at an edition: some stay, some change with it, some come and go."""

    def __init__(self, name: str, edition: int) -> None:
        self.name = name
        self._texts = {f"kept-{n}.md": f"# Kept {n}\n\nThis page number {n} stays as it is." for n in range(_DOCUMENTS)}
        for n in range(_DOCUMENTS):
            self._texts[f"page-{n}.md"] = f"# Page {n}\n\n" + f"Edition {edition} of page {n}. " * 20
        for n in range(_DOCUMENTS // 4):
            self._texts[f"only-{edition % 2}-{n}.md"] = f"# Only {n}\n\nEdition {edition} of what comes and goes, {n}."

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - it is the protocol's
        yield Page(tuple(SourceItem(path, f"memory:{path}", len(text)) for path, text in self._texts.items()))

    def fetch(self, item: SourceItem) -> bytes:
        return self._texts[item.path].encode()


@dataclass
class _Opened:
    store: Store
    knowledge: Knowledge
    user: Principal

    @classmethod
    def at(cls, data: Path, first: int = 64) -> _Opened:
        store = Store(data)
        if not store.tenants():
            store.create_tenant("crash")
        tenant, clock = store.tenant("crash"), SystemClock()
        embedders = sorted((HashEmbedder(64), HashEmbedder(32)), key=lambda each: each.dimension != first)
        knowledge = Knowledge(tenant, Ledger(tenant, clock), embedders[0], clock, others=embedders[1:])
        return cls(store, knowledge, Principal(tenant.tenant.id, "ada"))

    def ingest(self, edition: int) -> None:
        self.knowledge.ingest(_Files("files", edition), AccessList.everyone())

    def close(self) -> None:
        self.knowledge.close()
        self.store.close()


def _ingest(opened: _Opened, edition: int) -> None:
    opened.ingest(edition)


def _delete(opened: _Opened, edition: int) -> None:
    for document in opened.knowledge.documents(opened.user):
        if document.title.startswith("Only"):
            opened.knowledge.delete(opened.user, document.id)
    opened.ingest(edition)


def _compact(opened: _Opened, edition: int) -> None:
    """With removed passages to leave out."""
    changes = opened.knowledge._changes()
    gone = [each.id for each in opened.knowledge.documents(opened.user) if each.title.startswith("Only")]
    changes.delete(gone, {})
    changes.tidy()
    opened.ingest(edition)


def _rebuild(opened: _Opened, edition: int) -> None:
    del edition
    opened.knowledge.index.rebuild()


def _migrate(opened: _Opened, edition: int) -> None:
    del edition
    at = opened.knowledge.index.status().recipe
    opened.knowledge.index.migrate("hash:32" if at.startswith("hash:64") else "hash:64")


def _roll_back(opened: _Opened, edition: int) -> None:
    names = [each.name for each in opened.knowledge.index.snapshots()]
    if not names:
        opened.knowledge.index.snapshot("first")
    opened.ingest(edition)
    opened.knowledge.index.rollback("first")


KINDS: Mapping[str, Callable[[_Opened, int], None]] = {
    "ingestion": _ingest,
    "deletion": _delete,
    "compaction": _compact,
    "rebuild": _rebuild,
    "migration": _migrate,
    "rollback": _roll_back,
}


def _work(data: Path, kind: str, edition: int, ready: Any) -> None:
    """What is killed. Small steps, so that there are many moments between them."""
    from aver.knowledge import ingest, life, rebuild
    from aver.knowledge.adapters import lancedb_writer

    ingest._PASSAGES_A_STEP = 10
    life._DOCUMENTS_A_STEP = 10
    rebuild._DOCUMENTS_A_PORTION, rebuild._FEW = 10, 0
    lancedb_writer.SMALLEST_VECTOR_INDEX, lancedb_writer.ROWS_A_PARTITION = 64, 32
    opened = _Opened.at(data)
    opened.knowledge.search(opened.user, "page")
    ready.set()
    KINDS[kind](opened, edition)


@dataclass
class Moments:
    """What came of it."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    """Work that was done before it was to be killed."""
    problems: list[str] = field(default_factory=list)


class Crashes:
    """Crashes of work on the data in ``data``, at moments that follow from ``seed``."""

    def __init__(self, data: Path, seed: int) -> None:
        self._data = data
        self._random = random.Random(seed)  # noqa: S311 - moments, not secrets
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(list(PRELOADED))
        self._opened = _Opened.at(data)
        self._edition = 1
        self._opened.ingest(0)
        self._spans: dict[str, float] = {}
        self.found = Moments(seed)

    def run(self, moments: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Iterator[tuple[int, str]]:
        """Kill ``moments`` times, in turn at work of each kind; yields how many there were, and at what."""
        for number in range(moments):
            kind = kinds[number % len(kinds)]
            if kind not in self._spans:
                self._kill(kind)
            while not self._kill(kind):
                self._look(kind, "done")
            self.found.killed[kind] += 1
            self._look(kind, f"killed for the {number + 1}. time")
            yield number + 1, kind

    def finish(self) -> None:
        """Bring everything to its end undisturbed, and look once more."""
        self._opened.knowledge.index.rebuild()
        self._opened.ingest(self._edition)
        self._look("ingestion", "brought to its end")
        titles = Counter(document.title for document in self._opened.knowledge.documents(self._opened.user))
        expected = Counter({f"Kept {n}": 1 for n in range(_DOCUMENTS)} | {f"Page {n}": 1 for n in range(_DOCUMENTS)})
        expected.update(f"Only {n}" for n in range(_DOCUMENTS // 4))
        if titles != expected:
            self._say(f"at the end there are other documents: {titles - expected} more, {expected - titles} less")
        if not self._opened.knowledge.index.status().tidy:
            self._say("at the end the index is not tidy")

    def close(self) -> None:
        self._opened.close()

    def _kill(self, kind: str) -> bool:
        """Whether the work was still going on when it was killed."""
        ready = self._processes.Event()
        process = self._processes.Process(target=_work, args=(self._data, kind, self._edition, ready))
        process.start()
        if not ready.wait(_READY_SECONDS):
            self._say(f"{kind} did not begin")
        started = time.monotonic()
        # The first is let go on to its end, to know how long there is.
        process.join(self._random.uniform(0, self._spans[kind]) if kind in self._spans else None)
        alive = process.exitcode is None
        if alive:
            os.kill(process.pid or 0, signal.SIGKILL)
        else:
            if process.exitcode:
                self._say(f"{kind} failed, with exit code {process.exitcode}")
            span = time.monotonic() - started
            self._spans[kind] = max(_LEAST_SPAN, span if kind not in self._spans else min(self._spans[kind], span))
            self.found.finished[kind] += 1
            self._edition += 1
        process.join()
        return alive

    def _look(self, kind: str, when: str) -> None:
        knowledge, user = self._opened.knowledge, self._opened.user
        problems = list(knowledge.index.verify().problems)
        listed = {document.id: document for document in knowledge.documents(user)}
        titles = Counter(document.title for document in listed.values())
        problems += [f"Kept {n} is lost" for n in range(_DOCUMENTS) if titles[f"Kept {n}"] != 1]
        problems += [f"Page {n} is lost" for n in range(_DOCUMENTS) if titles[f"Page {n}"] != 1]
        for hit in knowledge.search(user, "edition of page", 50):
            if hit.document not in listed:
                problems.append(f"{hit.title} is found and not listed")
                continue
            text = knowledge.document(user, hit.document, hit.version).text
            editions = {after for word, after in zip(text.split(), text.split()[1:], strict=False) if word == "Edition"}
            if text[hit.start : hit.end] != hit.text or len(editions) > 1:
                problems.append(f"{hit.title} is not whole")
        for problem in problems[:5]:
            self._say(f"{kind}, {when}: {problem}")

    def _say(self, problem: str) -> None:
        self.found.problems.append(problem)
