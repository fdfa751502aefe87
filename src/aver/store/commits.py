"""What is told of a transaction once it has committed, and of no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

__all__ = ["after_commit", "telling"]

_TOLD = "aver.told"


def after_commit(tx: Connection, tell: Callable[[], None]) -> None:
    """Call ``tell`` when ``tx`` has committed; never where it is rolled back. Others wait meanwhile, so it has to be quick, and it must
    not raise: what it is about has happened."""
    tx.info.setdefault(_TOLD, []).append(tell)


@contextmanager
def telling(connection: Connection) -> Iterator[None]:
    """Around a transaction: what was to be told of it is told at its end."""
    connection.info.pop(_TOLD, None)  # of one before, which was rolled back
    yield
    for tell in connection.info.pop(_TOLD, ()):
        tell()
