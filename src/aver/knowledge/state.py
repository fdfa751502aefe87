"""Which version of the index is current, which is tidy, which is being made; and what the index does not know yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from aver.core.errors import Conflict
from aver.knowledge.index import Version
from aver.knowledge.store import documents, index_pending, index_state
from aver.store import TenantStore

__all__ = ["LOCK", "REBUILDING", "State", "held", "note_pending", "pending", "read_state", "settled", "write_state"]

LOCK = "knowledge"
"""Held by whoever writes the index that readers open; for one change at a time, not for a run."""
REBUILDING = "rebuilding"
"""Held by whoever makes an index beside it."""
_PATIENCE = 30.0
_PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class State:
    """A version of the index by name, and the recipe it was made with."""

    version: Version
    recipe: str


@contextmanager
def held(store: TenantStore, name: str = LOCK, patience: float | None = None) -> Iterator[None]:
    """Hold the lock ``name``, waiting up to ``patience`` seconds (30 by default) for whoever holds it; then :class:`Conflict`."""
    until = time.monotonic() + (_PATIENCE if patience is None else patience)
    while True:
        lock = store.lock(name)
        try:
            lock.__enter__()
            break
        except Conflict:
            if time.monotonic() >= until:
                raise
            time.sleep(_PAUSE)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def read_state(tx: Connection) -> dict[str, State]:
    return {
        row.name: State(Version(row.generation, row.version), row.recipe) for row in tx.execute(select(index_state))
    }


def write_state(tx: Connection, name: str, state: State | None) -> None:
    """Name a version; ``None`` takes the name away."""
    tx.execute(delete(index_state).where(index_state.c.name == name))
    if state is not None:
        values = {"generation": state.version.generation, "version": state.version.number, "recipe": state.recipe}
        tx.execute(insert(index_state), {"name": name, **values})


def pending(tx: Connection, among: Sequence[str] | None = None) -> dict[str, int | None]:
    """Documents whose passages in the index are not yet under the reader set that they are under; ``None``: under none, deleted."""
    query = select(index_pending.c.document, documents.c.acl).outerjoin(
        documents, documents.c.id == index_pending.c.document
    )
    if among is not None:
        query = query.where(index_pending.c.document.in_(among))
    return {row.document: row.acl for row in tx.execute(query)}


def note_pending(tx: Connection, ids: Sequence[str]) -> None:
    known = pending(tx, ids)
    fresh = [{"document": document} for document in ids if document not in known]
    if fresh:
        tx.execute(insert(index_pending), fresh)


def settled(tx: Connection, done: dict[str, int | None]) -> None:
    """The index knows of these, unless they changed again meanwhile."""
    now = pending(tx, list(done))
    for document, acl in done.items():
        if document in now and now[document] == acl:
            tx.execute(delete(index_pending).where(index_pending.c.document == document))
