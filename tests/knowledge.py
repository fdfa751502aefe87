"""A tenant's knowledge over documents held in memory, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aver.core import Principal
from aver.core.errors import Unavailable
from aver.evidence import Ledger
from aver.gateway.types import Embedder
from aver.knowledge import AccessList, CursorExpired, IngestReport, Knowledge, Page, SourceItem
from aver.knowledge.access import AccessRule
from aver.knowledge.index import Index
from aver.store import Store, TenantStore
from aver.testing import FixedClock, HashEmbedder


class MemorySource:
    """Files by path. What is ``None`` is listed and cannot be fetched."""

    def __init__(self, files: Mapping[str, str | bytes | None], name: str = "memory", prefix: str = "memory:") -> None:
        self.name = name
        self.files = dict(files)
        self.prefix = prefix

    def pages(self, cursor: str) -> Iterator[Page]:
        yield Page(
            tuple(SourceItem(path, self.prefix + path, len(content or b"")) for path, content in self.files.items())
        )

    def fetch(self, item: SourceItem) -> bytes:
        content = self.files[item.path]
        if content is None:
            raise Unavailable("The file cannot be read", "Check it.")
        return content.encode() if isinstance(content, str) else content


class ChangingSource:
    """Files that remember how they changed: by path their content, their revision, and their readers. Cursors are moments."""

    def __init__(self, name: str = "changing") -> None:
        self.name = name
        self.now = 0
        self.oldest = 0
        """Cursors before this moment have expired."""
        self.files: dict[str, tuple[str | None, int, tuple[str, ...] | None]] = {}
        self.changed: dict[str, int] = {}
        self.fetched: list[str] = []

    def put(self, path: str, content: str | None, readers: tuple[str, ...] | None = None) -> None:
        """Without ``content`` it is listed and cannot be fetched."""
        before = self.files.get(path)
        revision = before[1] if before and before[0] == content else self._tick()
        self.files[path] = content, revision, readers
        self.changed[path] = self._tick()

    def remove(self, path: str) -> None:
        del self.files[path]
        self.changed[path] = self._tick()

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def pages(self, cursor: str) -> Iterator[Page]:
        since = int(cursor or 0)
        if cursor and since < self.oldest:
            raise CursorExpired("The cursor is too old", "List everything.")
        for path, (content, revision, readers) in sorted(self.files.items()):
            if self.changed[path] > since:
                yield Page((SourceItem(path, f"x:{path}", len(content or ""), f"r{revision}", readers),))
        gone = tuple(path for path, moment in self.changed.items() if path not in self.files and moment > since)
        yield Page(gone=gone, cursor=str(self.now))

    def fetch(self, item: SourceItem) -> bytes:
        self.fetched.append(item.path)
        content = self.files[item.path][0]
        if content is None:
            raise Unavailable("The file cannot be had", "Try again.")
        return content.encode()


def access(readers: Mapping[str, Iterable[str]]) -> AccessList:
    """Readers by path; nobody for any other path."""
    return AccessList(tuple(AccessRule("/" + path, tuple(sorted(set(some)))) for path, some in readers.items()))


@dataclass
class World:
    """One tenant: its store, its evidence, its knowledge."""

    store: TenantStore
    ledger: Ledger
    knowledge: Knowledge
    clock: FixedClock

    def user(self, name: str, *groups: str) -> Principal:
        return Principal(self.store.tenant.id, name, frozenset(groups))

    def ingest(self, files: Mapping[str, str | bytes | None], acl: AccessList | None = None) -> IngestReport:
        return self.knowledge.ingest(MemorySource(files), acl or AccessList.everyone())

    def titles(self, principal: Principal, query: str, limit: int = 8) -> list[str]:
        return [hit.title for hit in self.knowledge.search(principal, query, limit)]


def world(
    store: Store,
    tenant: str = "acme",
    embedder: Embedder | None = None,
    others: Sequence[Embedder] = (),
    engine: Callable[[TenantStore], Index] | None = None,
) -> World:
    """Enter ``tenant``, made if it is not there."""
    if tenant not in {known.name for known in store.tenants()}:
        store.create_tenant(tenant)
    entered, clock = store.tenant(tenant), FixedClock()
    ledger = Ledger(entered, clock)
    index = engine(entered) if engine else None
    embedder = embedder or HashEmbedder()
    return World(entered, ledger, Knowledge(entered, ledger, embedder, clock, index=index, others=others), clock)


def open_world(data: Path, embedder: Embedder | None = None, others: Sequence[Embedder] = ()) -> World:
    return world(Store(data), embedder=embedder, others=others)
