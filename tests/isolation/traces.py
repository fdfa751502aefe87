"""What a call does, step by step: its SQL without its values, and its searches of the index. No clock is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from sqlalchemy import Engine, event

from aver.knowledge.adapters.lancedb import LanceIndex
from aver.store import Store, Switches

_BACKGROUND = frozenset({"aver-budgets", "aver-outbox", "aver-config", "aver-sources"})
"""Threads that work by the clock, for no call in particular: when they do depends on nothing that a call asks for."""


@contextmanager
def traced() -> Iterator[list[str]]:
    """Everything that this process asks a database or an index meanwhile, in order, save what is done in the background."""
    trace: list[str] = []
    search, authenticate, refresh = LanceIndex.search, Store.authenticate, Switches._refresh
    apart = threading.local()

    def statement(_connection, _cursor, sql, _parameters, _context, many):
        if not getattr(apart, "now", False) and threading.current_thread().name not in _BACKGROUND:
            trace.append(f"{'many ' if many else ''}{sql}")

    def identified(store, secret):
        """Out of the trace: doors remember keys, so whether one is looked up tells when it was last used, and nothing else."""
        apart.now = True
        try:
            return authenticate(store, secret)
        finally:
            apart.now = False

    def refreshed(switches):
        """Out of the trace too: what is stopped is read anew by the clock."""
        apart.now = True
        try:
            refresh(switches)
        finally:
            apart.now = False

    def searched(index, *args, **options):
        trace.append("index")
        return search(index, *args, **options)

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        with (
            patch.object(LanceIndex, "search", searched),
            patch.object(Store, "authenticate", identified),
            patch.object(Switches, "_refresh", refreshed),
        ):
            yield trace
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
