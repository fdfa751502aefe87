import errno
import sqlite3

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from aver.core.errors import Conflict, StorageFull, Unavailable
from aver.store.faults import translated


def _raise_in_translated(error: Exception) -> None:
    with translated():
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_under_any_file(number):
    with pytest.raises(StorageFull) as caught:
        _raise_in_translated(OSError(number, "full"))
    assert isinstance(caught.value.__cause__, OSError)


def test_other_errors_pass_as_they_are():
    for error in (PermissionError(errno.EACCES, "no"), ValueError("x"), KeyError("y")):
        with pytest.raises(type(error)) as caught:
            _raise_in_translated(error)
        assert caught.value is error


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (psycopg.errors.DiskFull, StorageFull),
        (psycopg.errors.LockNotAvailable, Unavailable),
        (psycopg.errors.SerializationFailure, Conflict),
        (psycopg.errors.DeadlockDetected, Conflict),
        (psycopg.errors.TooManyConnections, Unavailable),
        (psycopg.errors.AdminShutdown, Unavailable),
        (psycopg.errors.InvalidPassword, Unavailable),
        (psycopg.errors.InvalidCatalogName, Unavailable),
        (psycopg.errors.ReadOnlySqlTransaction, Unavailable),
        (psycopg.errors.ConnectionTimeout, Unavailable),
    ],
)
def test_what_postgres_says(kind, said):
    with pytest.raises(said) as caught:
        _raise_in_translated(OperationalError("SELECT 1", {}, kind("the server's words")))
    assert type(caught.value) is said


def test_a_statement_that_is_wrong_stays_a_database_error():
    for original in (psycopg.errors.SyntaxError("x"), psycopg.errors.InsufficientPrivilege("x")):
        with pytest.raises(DBAPIError):
            _raise_in_translated(DBAPIError("SELECT", {}, original))
    with pytest.raises(IntegrityError):
        _raise_in_translated(IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation("x")))


def test_what_sqlite_says(tmp_path):
    (tmp_path / "noise").write_bytes(b"no database at all, " * 100)
    with pytest.raises(Unavailable, match="damaged"), translated():
        create_engine(f"sqlite:///{tmp_path}/noise").connect().execute(text("SELECT * FROM sqlite_master"))
    with pytest.raises(Unavailable, match="cannot be read or written"), translated():
        create_engine(f"sqlite:///{tmp_path}/missing/file").connect()
    with pytest.raises(OperationalError, match="no such table"), translated():
        create_engine("sqlite://").connect().execute(text("SELECT * FROM nowhere"))
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    with pytest.raises(Unavailable, match="Another writer"):
        _raise_in_translated(OperationalError("BEGIN IMMEDIATE", {}, busy))
