"""What the benchmarks share: the public data beside the checkout, and a throw-away installation."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aver.core import Principal, SystemClock
from aver.evidence import Ledger
from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.types import Embedder
from aver.knowledge import Knowledge, Page, SourceItem
from aver.store import Store, TenantStore

__all__ = ["DATA", "Installation", "Texts", "installation", "jsonl", "say"]

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def jsonl(path: Path) -> list[dict]:
    if not path.exists():
        raise SystemExit(f"error: {path} is not there. Put the public data beside the checkout, in shared/data.")
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Texts:
    """A source of markdown documents held in memory: ``(path, title, text)``."""

    def __init__(self, name: str, documents: Sequence[tuple[str, str, str]]) -> None:
        self.name = name
        self._bytes = {path: f"# {title}\n\n{text}\n".encode() for path, title, text in documents}

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002
        yield Page(tuple(SourceItem(path, f"bench:{path}", len(data)) for path, data in self._bytes.items()))

    def fetch(self, item: SourceItem) -> bytes:
        return self._bytes[item.path]


@dataclass(frozen=True)
class Installation:
    store: TenantStore
    embedder: Embedder
    knowledge: Knowledge
    principal: Principal


@contextmanager
def installation() -> Iterator[Installation]:
    """One tenant in a temporary data directory, with the built-in embedder loaded, and a user of it."""
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        store = Store(Path(folder))
        tenant = store.create_tenant("bench")
        entered = store.tenant(tenant.id)
        embedder = MiniLM(Path(os.environ.get("AVER_BENCH_CACHE", folder)) / "models")
        embedder.embed(["warm"])
        knowledge = Knowledge(entered, Ledger(entered, SystemClock()), embedder, SystemClock())
        yield Installation(entered, embedder, knowledge, Principal(tenant.id, "ada"))
        knowledge.close()
        store.close()
