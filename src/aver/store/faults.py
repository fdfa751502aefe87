"""What a full disk, a held lock or a lost server look like to each database, said as one of Aver's errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aver.core.errors import AverError, Conflict, StorageFull, Unavailable

__all__ = ["LOCK_SECONDS", "busy", "translated"]

LOCK_SECONDS = 30
"""How long a writer waits for the writer before it."""

# SQLite's primary result codes: https://www.sqlite.org/rescode.html
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26

# Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_OUTAGES = (
    # connection, authorization, catalog name, the operator's intervention
    (("08", "28", "3D", "57P"), "The database server cannot be reached", "Check AVER_DATABASE_URL and the server."),
    (("53",), "The database server is out of resources", "Retry in a moment."),
    (("25006",), "The database may only be read", "Check that AVER_DATABASE_URL names no standby."),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the body's storage faults as errors of Aver; everything else, ``IntegrityError`` included, passes as it is."""
    try:
        yield
    except DBAPIError as error:
        understood = _of_postgres(error) if hasattr(error.orig, "sqlstate") else _of_sqlite(error)
        if understood is None:
            raise
        raise understood from error
    except PoolTimeout as error:
        raise Unavailable("Every database connection is in use", "Retry in a moment.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full() from error
        raise


def busy() -> Unavailable:
    return Unavailable(f"Another writer has held this data for {LOCK_SECONDS} seconds", "Wait for it to end and retry.")


def _full() -> StorageFull:
    return StorageFull("The disk that holds the data is full; nothing was changed", "Free some space and retry.")


def _of_sqlite(error: DBAPIError) -> AverError | None:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is the primary one
    if code == _FULL:
        return _full()
    if code in (_BUSY, _LOCKED):
        return busy()
    if code in (_READONLY, _IOERR, _CANTOPEN):
        return Unavailable(
            f"The database file cannot be read or written ({error.orig})",
            "Check the disk, the permissions of the data directory, and the limit on open files.",
        )
    if code in (_CORRUPT, _NOTADB):
        return Unavailable(f"The database file is damaged ({error.orig})", "Restore it from a backup.")
    return None


def _of_postgres(error: DBAPIError) -> AverError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == "53100":
        return _full()
    if state == "55P03":
        return busy()
    if state in ("40001", "40P01"):
        return Conflict("Another transaction changed the same data first", "Retry.")
    if error.connection_invalidated or (not state and isinstance(error, OperationalError)):
        state = "08"  # a connection that was never made, or broke, carries no state of its own
    reason = " ".join(str(error.orig).split())
    for prefixes, cause, next_step in _OUTAGES:
        if state.startswith(prefixes):
            return Unavailable(f"{cause} ({reason})", next_step)
    return None
