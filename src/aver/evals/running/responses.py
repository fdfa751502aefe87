"""What targets responded, by content: asked once, scored as often as anybody likes.

A small SQLite file, ``responses.db``, in the folder of the runs that share it. A response is there, and survives the death of the
process, before it is scored.
"""

from __future__ import annotations

import asyncio
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
        self._waiting: list[tuple[str, bytes]] = []

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
            connection.execute("PRAGMA wal_autocheckpoint=8000")
            connection.execute("CREATE TABLE IF NOT EXISTS response (key TEXT PRIMARY KEY, body BLOB NOT NULL)")
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

    async def put(self, key: str, response: Response) -> None:
        """On disk when it returns. What many put at one moment shares a transaction."""
        self.add(key, response)
        await asyncio.sleep(0)
        self._write()

    def add(self, key: str, response: Response) -> None:
        """On disk with the next that is put, and at the latest when this is closed."""
        body = encode(response)
        self._waiting.append((key, zlib.compress(body, 1) if len(body) > _LONG else body))

    def _write(self) -> None:
        if self._waiting:
            rows, self._waiting = self._waiting, []
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO response VALUES (?, ?)", rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._waiting = rows + self._waiting
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        try:
            self._write()
        finally:
            self._connection.close()
