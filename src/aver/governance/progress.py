"""How far retention has come through a chain, by class of data, so that no run reads again what the one before has settled."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from aver.governance.store import progress

__all__ = ["read_cursor", "start_over", "write_cursor"]


def read_cursor(tx: Connection, name: str) -> int:
    return tx.execute(select(progress.c.cursor).where(progress.c.name == name)).scalar() or 0


def write_cursor(tx: Connection, name: str, cursor: int) -> None:
    tx.execute(delete(progress).where(progress.c.name == name))
    tx.execute(insert(progress), {"name": name, "cursor": cursor})


def start_over(tx: Connection) -> None:
    """Read everything again: a hold was released, or other times are declared."""
    tx.execute(delete(progress))
