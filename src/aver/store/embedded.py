"""SQLite in WAL mode: a control database, and one database in each tenant's own directory."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, event

from aver.core.errors import Unavailable
from aver.store.commits import telling
from aver.store.faults import LOCK_SECONDS, busy, translated
from aver.store.files import TenantFiles, exclusive, private_directory, sync_directory, try_exclusive
from aver.store.migration import Branch, is_current, migrate
from aver.store.types import Tenant

__all__ = ["EmbeddedDatabase", "EmbeddedTenantStore"]

_SETTLES = 10.0
"""Seconds that a rescue waits for transactions that are under way."""


class _File:
    """One SQLite file: any number of readers, each on its own snapshot, beside one writer.

    A file that is removed or replaced while it is open would take writes that nobody finds again: transactions are refused then, and
    :meth:`recover` puts back what the connections that are still open hold.
    """

    def __init__(self, path: Path, branch: Branch, tenant: str | None = None) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))  # nobody else's to read, wherever it lies
        self._path = path
        self._opened = _identity(path)
        self._settled = threading.Condition()
        self._under_way = 0
        # Never made by connecting: what is empty in place of what was lost would be taken for the data.
        url = URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query={"mode": "rw", "uri": "true"})
        # The pool keeps few connections per tenant but opens as many as there are threads asking at once.
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
        with self._turn():
            with self._transaction("query_only=OFF", "BEGIN IMMEDIATE") as connection:
                yield connection
            if problem := self.problem():  # it may have gone into a file that nobody finds again
                raise Unavailable(f"{problem}, so it is not known whether the change was kept", "Look, then retry.")

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
        with (
            self._counted(),
            translated(),
            self._engine.connect() as connection,
            telling(connection),
            connection.begin(),
        ):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
            connection.exec_driver_sql(begin)
            yield connection

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._settled:
            if problem := self.problem():
                raise Unavailable(problem, "It is put back where that can be done; else restore it from a backup.")
            self._under_way += 1
        try:
            yield
        finally:
            with self._settled:
                self._under_way -= 1
                self._settled.notify_all()

    def problem(self) -> str:
        """Why the file is not the one that was opened; empty when it is."""
        found = _identity(self._path)
        if found == self._opened:
            return ""
        what = "is gone" if found is None else "was replaced"
        return f"The database file {self._path.name} {what} while it was open"

    def recover(self) -> bool:
        """Put back a file that is gone, as the connections that are still open have it: everything that was committed is in it. Whether that
        was done. Raises :class:`~aver.core.errors.Unavailable` where no connection is open any more, and
        :class:`~aver.core.errors.StorageFull`."""
        with self._turn(), exclusive(self._path.parent / "store.lock"):
            if _identity(self._path) is not None:  # it is there, or somebody else has put something there
                return False
            with self._settled:  # nobody begins anything while the file is gone
                if not self._settled.wait_for(lambda: not self._under_way, _SETTLES):
                    raise Unavailable("Transactions are still under way in a database file that is gone", "Wait.")
            rescued = self._path.with_name(f".{self._path.name}.rescued")
            with translated():
                self._copy_to(rescued)
                # The last connection to close takes the write-ahead log of its file with it, by name: before there is another.
                self._engine.dispose()
                for ending in ("-wal", "-shm"):
                    self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
                rescued.rename(self._path)
                sync_directory(self._path.parent)
            self._opened = _identity(self._path)
        return True

    def _copy_to(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        try:
            with self._engine.connect() as connection, closing(sqlite3.connect(path)) as copy:
                held: Any = connection.connection.driver_connection
                held.backup(copy)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

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


def _identity(path: Path) -> tuple[int, int] | None:
    """By which a file is known from another of its name; ``None`` for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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

    def problem(self) -> str:
        return self._file.problem()

    def recover(self) -> bool:
        return self._file.recover()

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

    def problem(self) -> str:
        return self._control.problem()

    def recover(self) -> bool:
        return self._control.recover()

    def close(self) -> None:
        with self._entering:
            for entered in self._entered.values():
                entered.close()
            self._entered.clear()
        self._control.close()


def _database(directory: Path) -> Path:
    return directory / "tenant.db"
