"""Copies of an installation's rows, each in a database of its own on the same Postgres server: for what may break them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from aver.core.errors import AverError, Forbidden, Unavailable
from aver.store.faults import translated
from aver.store.postgres import PostgresDatabase, entered, lock_number, psycopg_url

__all__ = ["DatabaseCopies"]

_NOT_ALLOWED = "42501"
"""Insufficient privilege: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_COLUMNS = text(
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped "
    "AND attgenerated = '' ORDER BY attnum"
)


class DatabaseCopies:
    """Those of one process, of the database at ``database_url``; :meth:`close` drops them. What a process left that was killed is dropped by the next that makes
    copies: whoever has some holds a lock for as long as it lives. Blocking, used by one thread at a time.

    Raises :class:`~aver.core.errors.Forbidden` where the database's user may not create databases."""

    def __init__(self, database_url: str) -> None:
        self._url = psycopg_url(database_url)
        self._made: list[str] = []
        self._engine = create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with translated():
            self._own = self._engine.connect()
            # Locks are one database's, so that the copies of others on the server have other names.
            whose = sha256(str(self._own.scalar(text("SELECT current_database()"))).encode()).hexdigest()[:8]
            self._family = f"aver_copy_{whose}"
            self._name = f"{self._family}_{secrets.token_hex(6)}"
            self._own.execute(text("SELECT pg_advisory_lock(:number)"), {"number": lock_number("copies", self._name)})
        self._drop_abandoned()

    def copy(self, also: Sequence[Callable[[Connection], None]] = ()) -> str:
        """The URL of a new database with every row that there is, as of one moment; users of the original wait for nothing. ``also`` make tables in it that
        migrations do not."""
        url = self._create()
        PostgresDatabase(url).close()
        with translated(), _connected(url) as target, target.begin():
            for make in also:
                make(target)
            with _connected(self._url) as source:
                _copy(source, target)
        return url

    def again(self, url: str) -> str:
        """The URL of a copy of one that :meth:`copy` gave, while nobody is connected to it."""
        return self._create(str(make_url(url).database))

    def close_off(self, url: str) -> None:
        """Cut every connection to a copy and let nobody in, as a server that is stopped."""
        name = str(make_url(url).database)
        with translated():
            self._own.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            self._own.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
            )

    def open_again(self, url: str) -> None:
        """Let everybody in again."""
        with translated():
            self._own.exec_driver_sql(f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS true")

    def drop(self, url: str) -> None:
        """Drop a copy, whoever is connected to it."""
        name = str(make_url(url).database)
        with translated():
            self._own.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.remove(name)

    def close(self) -> None:
        try:
            for name in [*self._made]:
                with suppress(AverError, DBAPIError):  # what cannot be dropped now is abandoned
                    self.drop(str(self._url.set(database=name)))
        finally:
            self._own.close()
            self._engine.dispose()

    def _create(self, like: str = "") -> str:
        name = f"{self._name}_{len(self._made)}_{secrets.token_hex(2)}"
        try:
            with translated():
                self._own.exec_driver_sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))
        except DBAPIError as error:
            cause = f"No database can be made for a copy ({' '.join(str(error.orig).split())})"
            if getattr(error.orig, "sqlstate", "") != _NOT_ALLOWED:
                raise Unavailable(cause, "Look at the log of the database's server, then retry.") from error
            user = self._url.username or "USER"
            raise Forbidden(cause, f"Have an administrator run: ALTER ROLE {user} CREATEDB.") from error
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _drop_abandoned(self) -> None:
        with translated():
            names = self._own.scalars(
                text("SELECT datname FROM pg_database WHERE datname ~ :pattern"),
                {"pattern": f"^{self._family}_[0-9a-f]{{12}}_[0-9]+_[0-9a-f]{{4}}$"},
            ).all()
            for name in names:
                whose = {"number": lock_number("copies", name.rsplit("_", 2)[0])}
                if self._own.scalar(text("SELECT pg_try_advisory_lock(:number)"), whose):
                    with suppress(DBAPIError):  # another user's: theirs to drop
                        self._own.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                    self._own.scalar(text("SELECT pg_advisory_unlock(:number)"), whose)


@contextmanager
def _connected(url: Any) -> Iterator[Connection]:
    engine = create_engine(psycopg_url(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _copy(source: Connection, target: Connection) -> None:
    """Every row of the tables that ``target`` has: of each tenant in its name, since nobody else may read them."""
    found = inspect(target).get_sorted_table_and_fkc_names()
    tables = [name for name, _ in found if name and not name.endswith("_version")]
    columns = {name: ", ".join(f'"{each}"' for each in target.scalars(_COLUMNS, {"table": name})) for name in tables}
    for name in tables:  # its owner may write what is no tenant's of the transaction
        target.exec_driver_sql(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    source.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with source.begin():
        entered(source, "")
        present = {name for name in tables if source.scalar(text("SELECT to_regclass(:name)"), {"name": name})}
        tenants = source.scalars(text("SELECT id FROM tenants")).all() if "tenants" in present else ()
        for tenant in ("", *tenants):
            entered(source, tenant)
            for name in tables:
                if name in present:
                    _copy_table(source, target, f"{name} ({columns[name]})")
    for name in tables:
        target.exec_driver_sql(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")


def _copy_table(source: Connection, target: Connection, table: str) -> None:
    reading: Any = source.connection.driver_connection
    writing: Any = target.connection.driver_connection
    with (
        reading.cursor() as one,
        writing.cursor() as other,
        one.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as rows,
        other.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as into,
    ):
        for data in rows:
            into.write(data)
