"""SQLite in WAL mode: a control database, and one database in each tenant's own directory."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event

from aver.core.errors import Unavailable
from aver.store.commits import telling
from aver.store.faults import LOCK_SECONDS, busy, translated
from aver.store.files import TenantFiles, private_directory, try_exclusive
from aver.store.migration import Branch, is_current, migrate
from aver.store.types import Tenant

__all__ = ["EmbeddedDatabase", "EmbeddedTenantStore"]


class _File:
    """One SQLite file: any number of readers, each on its own snapshot, beside one writer."""

    def __init__(self, path: Path, branch: Branch, tenant: str | None = None) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))  # nobody else's to read, wherever it lies
        # The pool keeps few connections per tenant but opens as many as there are threads asking at once.
        url = URL.create("sqlite", database=str(path))
        arguments = {"timeout": LOCK_SECONDS, "check_same_thread": False}
        self._engine = create_engine(url, connect_args=arguments, pool_size=2, max_overflow=-1)
        self._writer = threading.Lock()  # SQLite's own wait sleeps between attempts: slow and unfair among threads

        @event.listens_for(self._engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin where this module says, not where the driver guesses
            connection.create_function("aver_tenant", 0, lambda: tenant, deterministic=True)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # no SQL reaches the file of another tenant
            # FULL: what was answered stays in evidence through a power cut, for one fsync a transaction.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")

        try:
            self._bring_up_to_date(branch)
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self, branch: Branch) -> None:
        with self.read() as connection:
            current = is_current(connection, branch)
        if not current:
            with self.write() as connection:
                migrate(connection, branch)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._turn(), self._transaction("query_only=OFF", "BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._transaction("query_only=ON", "BEGIN") as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=LOCK_SECONDS):
            raise busy()
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _transaction(self, pragma: str, begin: str) -> Iterator[Connection]:
        with translated(), self._engine.connect() as connection, telling(connection), connection.begin():
            connection.exec_driver_sql(f"PRAGMA {pragma}")
            connection.exec_driver_sql(begin)
            yield connection

    def scrub(self) -> None:
        """Rewrite the file without its deleted rows and empty the write-ahead log.

        ``secure_delete`` alone leaves copies of rows that moved between pages before they were deleted.
        """
        with self._turn(), translated(), self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            driver: Any = connection.connection.driver_connection
            driver.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 1)  # VACUUM attaches the copy it writes
            try:
                connection.exec_driver_sql("VACUUM")
            finally:
                driver.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            blocked, _frames, _moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if blocked:
            raise Unavailable(
                "Deleted data is still in the write-ahead log, because a reader has it open", "Retry when it has ended."
            )

    def close(self) -> None:
        self._engine.dispose()


class EmbeddedTenantStore(TenantFiles):
    """A tenant's own database file, beside its index and its keys."""

    def __init__(self, tenant: Tenant, directory: Path) -> None:
        super().__init__(tenant, directory)
        path = _database(directory)
        if not path.exists():  # SQLite would make an empty one
            raise Unavailable(f"The data of tenant {tenant.name!r} is missing: {path}", "Restore it from a backup.")
        self._file = _File(path, "tenant", tenant.id)

    def begin(self) -> AbstractContextManager[Connection]:
        return self._file.write()

    def read(self) -> AbstractContextManager[Connection]:
        return self._file.read()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with translated():
            locks = private_directory(self.directory / "locks")
            with try_exclusive(locks / sha256(name.encode()).hexdigest(), name):
                yield

    def scrub(self) -> None:
        self._file.scrub()

    def close(self) -> None:
        self._file.close()


class EmbeddedDatabase:
    """All databases of an embedded installation."""

    def __init__(self, data: Path) -> None:
        self._control = _File(data / "control.db", "control")
        self._entered: dict[str, EmbeddedTenantStore] = {}
        self._entering = threading.Lock()

    def write(self) -> AbstractContextManager[Connection]:
        return self._control.write()

    def read(self) -> AbstractContextManager[Connection]:
        return self._control.read()

    def prepare(self, directory: Path) -> None:
        _File(_database(directory), "tenant").close()

    def enter(self, tenant: Tenant, directory: Path) -> EmbeddedTenantStore:
        with self._entering:
            if tenant.id not in self._entered:
                self._entered[tenant.id] = EmbeddedTenantStore(tenant, directory)
            return self._entered[tenant.id]

    def scrub(self) -> None:
        self._control.scrub()

    def close(self) -> None:
        with self._entering:
            for entered in self._entered.values():
                entered.close()
            self._entered.clear()
        self._control.close()


def _database(directory: Path) -> Path:
    return directory / "tenant.db"
