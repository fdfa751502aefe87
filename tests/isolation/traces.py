"""What a call does, step by step: its SQL without its values, and its searches of the index. No clock is asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from sqlalchemy import Engine, event

from aver.governance.declared import Declared
from aver.knowledge.adapters.lancedb import LanceIndex
from aver.server.recurring import Recurring
from aver.server.watching import Watcher
from aver.store import Store, Switches

_BACKGROUND = frozenset({"aver-budgets", "aver-outbox", "aver-config", "aver-sources", "aver-health_0"})
"""Threads that work by the clock, for no call in particular: when they do depends on nothing that a call asks for."""

_REMEMBERED = frozenset(
    {
        Store.authenticate.__code__,
        Switches._refresh.__code__,
        Declared.now.__code__,
        Watcher._all.__code__,
        Recurring.once.__code__,
    }
)
"""What is asked for again by the clock: doors remember keys, what is stopped is read four times a second at most, perhaps by a thread
that began before the trace did, what a tenant declares once a second; and what is counted and looked at beside serving. It tells when something was last used, and
nothing else."""


@contextmanager
def traced() -> Iterator[list[str]]:
    """Everything that this process asks a database or an index meanwhile, in order, save what is done in the background."""
    trace: list[str] = []
    search = LanceIndex.search

    def statement(_connection, _cursor, sql, _parameters, _context, many):
        if threading.current_thread().name not in _BACKGROUND and not _is_remembered():
            trace.append(f"{'many ' if many else ''}{sql}")

    def searched(index, *args, **options):
        trace.append("index")
        return search(index, *args, **options)

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        with patch.object(LanceIndex, "search", searched):
            yield trace
    finally:
        event.remove(Engine, "before_cursor_execute", statement)


def _is_remembered() -> bool:
    """Whether one of ``_REMEMBERED`` is at work, further up in this thread."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code in _REMEMBERED:
            return True
        frame = frame.f_back
    return False
