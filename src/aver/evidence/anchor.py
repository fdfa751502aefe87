"""The head anchor: a file beside the keys that remembers, outside the database, how far the chain had come.

Whoever can write the database but not the tenant's key directory can cut steps and checkpoints off the end together,
and what is left is a sound, shorter chain. The anchor tells. It is written after the commit, so a crash between the two
leaves it behind the chain and never before it; it only moves forward, and only while the chain still holds the step it
names, so that a cut chain that grows past it is told as well.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext

from aver.core import canonical_json
from aver.evidence.rows import hash_at
from aver.evidence.types import Head

__all__ = ["Anchor"]

_PENDING = "aver_anchor"
"""Where a connection carries what its transaction would anchor."""


@dataclass(slots=True)
class _Pending:
    anchor: Anchor
    head: Head
    committed: bool = False


class Anchor:
    def __init__(self, path: Path, tenant: str) -> None:
        self._path = path
        self._tenant = tenant

    def read(self) -> Head | None:
        """The anchored head, or ``None`` when there is none that can be read."""
        try:
            return _parse(self._path.read_bytes())
        except OSError:
            return None

    def advance(self, head: Head) -> None:
        """Anchor ``head`` unless a later one is anchored already. Safe among threads and processes."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            seen = _parse(os.read(file, 1024))
            if seen is None or seen.seq < head.seq:
                # In place and padded to one length: a killed process leaves the old anchor or the new one.
                os.pwrite(file, canonical_json(head._asdict()).ljust(127) + b"\n", 0)
        finally:
            os.close(file)

    def follow(self, tx: Connection, before: Head, after: Head) -> None:
        """Anchor ``after`` once ``tx``, which appended it onto ``before``, has committed."""
        pending = tx.info.get(_PENDING)
        if pending is not None and pending.head == before:
            pending.head = after
        elif self._is_behind(tx, before):
            _listen(tx)
            tx.info[_PENDING] = _Pending(self, after)

    def _is_behind(self, tx: Connection, head: Head) -> bool:
        """Whether the chain that ends at ``head`` still holds the anchored step."""
        seen = self.read()
        if seen is None or seen == head:
            return True
        return hash_at(tx, self._tenant, seen.seq) == seen.hash


def _parse(data: bytes) -> Head | None:
    try:
        value: Any = json.loads(data)
        return Head(int(value["seq"]), str(value["hash"]))
    except (ValueError, TypeError, KeyError):
        return None


def _listen(tx: Connection) -> None:
    """Follow the transactions of this connection's engine.

    SQLAlchemy tells of a commit before it happens, so the anchor is written when the connection goes back to its pool, unless the
    commit never came, or an error followed it.
    """
    if not event.contains(tx.engine, "commit", _on_commit):
        event.listen(tx.engine, "commit", _on_commit)
        event.listen(tx.engine, "rollback_savepoint", _on_rollback_savepoint)
        event.listen(tx.engine, "handle_error", _on_error)
        event.listen(tx.engine, "checkin", _on_checkin)


def _on_commit(connection: Connection) -> None:
    if pending := connection.info.get(_PENDING):
        pending.committed = True


def _on_rollback_savepoint(connection: Connection, _name: str, _context: None) -> None:
    connection.info.pop(_PENDING, None)


def _on_error(context: ExceptionContext) -> None:
    if context.connection is not None and not context.connection.closed:
        context.connection.info.pop(_PENDING, None)


def _on_checkin(_connection: Any, record: Any) -> None:
    pending: _Pending | None = record.info.pop(_PENDING, None)
    if pending is not None and pending.committed:
        with suppress(OSError):  # it stays behind; the next commit catches up
            pending.anchor.advance(pending.head)
