"""What a call does, step by step: its SQL without its values, and its searches of the index. No clock is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from sqlalchemy import Engine, event

from aver.knowledge.index import PassageIndex


@contextmanager
def traced() -> Iterator[list[str]]:
    """Everything in this process that reaches a database or an index meanwhile, in order."""
    trace: list[str] = []
    search = PassageIndex.search

    def statement(connection, _cursor, sql, _parameters, _context, many):
        # A door remembers keys for a moment: whether one is looked up tells when it was last used, and nothing else.
        if "control.db" not in str(connection.engine.url):
            trace.append(f"{'many ' if many else ''}{sql}")

    def searched(index, *args, **options):
        trace.append("index")
        return search(index, *args, **options)

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        with patch.object(PassageIndex, "search", searched):
            yield trace
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
