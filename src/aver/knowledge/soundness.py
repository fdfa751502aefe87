"""Is the index as it was written? Told by a little of it at a time, so that it can be asked while serving."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select

from aver.core.errors import Unavailable
from aver.knowledge.index import Index, Version
from aver.knowledge.passages import spans_of
from aver.knowledge.state import pending, read_state
from aver.knowledge.store import CURRENT, document_versions, documents
from aver.store import TenantStore

__all__ = ["Soundness"]

_DOCUMENTS = 8
"""That are compared at one look."""


class Soundness:
    """Of one tenant's index, in one process. Blocking; used by one thread at a time."""

    def __init__(self, store: TenantStore, index: Index) -> None:
        self._store = store
        self._index = index
        self._last = ""

    def look(self) -> str:
        """What is wrong, in words; empty for nothing. Milliseconds: whether files were changed that never are, and whether the next few documents
        are in the index as the store says."""
        with self._store.read() as tx:
            state = read_state(tx).get(CURRENT)
            if state is None:
                return ""
            some = self._next(tx)
            waiting = pending(tx, [row.id for row in some])
        try:
            return self._index.altered(state.version.generation) or self._compared(
                state.version, [row for row in some if row.id not in waiting]
            )
        except Unavailable as error:
            with self._store.read() as tx:
                replaced = read_state(tx).get(CURRENT) != state
            return "" if replaced else error.cause

    def _next(self, tx: Connection) -> list[Any]:
        """The next documents by id, and from the first again after the last."""
        of, text = documents.c, document_versions.c
        query = (
            select(of.id, of.version, of.acl, text.passages)
            .join(document_versions, (text.document == of.id) & (text.version == of.version))
            .where(of.acl.is_not(None), of.id > self._last)
            .order_by(of.id)
            .limit(_DOCUMENTS)
        )
        found: list[Any] = list(tx.execute(query).all())
        self._last = found[-1].id if len(found) == _DOCUMENTS else ""
        return found

    def _compared(self, version: Version, some: list[Any]) -> str:
        seen: dict[str, list[tuple[int, int, int, int, str]]] = defaultdict(list)
        for rows in self._index.rows(version, [row.id for row in some]):
            for each in rows:
                place = each.place
                if not each.intact:
                    return f"{place.document}: a passage is found by other words than it is scored by"
                seen[place.document].append((place.version, each.acl, place.start, place.end, place.section))
        for row in some:
            wanted = sorted((row.version, row.acl, *span) for span in spans_of(row.passages))
            if sorted(seen[row.id]) != wanted:
                return f"{row.id}: {len(seen[row.id])} of its passages are there, and not the {len(wanted)} it was cut into"
        return ""
