"""What targets responded, by content: asked once, scored as often as anybody likes.

A small SQLite file, ``responses.db``, in the folder of the runs that share it. A response is there, and survives the death of the
process, before it is scored.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Self

from aver.core.errors import InvalidInput
from aver.evals.running.wire import decode_response, encode
from aver.evals.types import Response

__all__ = ["Responses", "response_key"]

NAME = "responses.db"
_LONG = 1024
"""Bytes from which a response is compressed."""


def response_key(target: str, case: str, seed: int, repeat: int) -> str:
    """Of the digests of a target and of a case."""
    return hashlib.sha256(f"{target}\0{case}\0{seed}\0{repeat}".encode()).hexdigest()[:40]


class Responses:
    """Opened by :meth:`beside`. Several processes may have the same one open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def beside(cls, run: Path) -> Self:
        """Those of the folder of ``run``; the file is made if there is none. Raises :class:`~aver.core.errors.InvalidInput` where that is
        not possible."""
        path = run.parent / NAME
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
            # Whole after the death of the process without waiting for the disk; after a power cut the last ones may be missing.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS response (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise InvalidInput(
                f"Responses cannot be kept in {str(path)!r}: {error}", "Choose another folder, or remove the file."
            ) from None
        return cls(connection)

    def get(self, key: str) -> Response | None:
        """``None`` when it is not there, or is of a form that this version does not read."""
        row = self._connection.execute("SELECT body FROM response WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        body: bytes = row[0]
        try:
            return decode_response(zlib.decompress(body) if body[:1] != b"{" else body)
        except (ValueError, TypeError, AttributeError, zlib.error):
            return None

    def put(self, key: str, response: Response) -> None:
        body = encode(response)
        if len(body) > _LONG:
            body = zlib.compress(body, 1)
        self._connection.execute("INSERT OR REPLACE INTO response VALUES (?, ?)", (key, body))

    def close(self) -> None:
        self._connection.close()
