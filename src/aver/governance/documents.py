"""The documents of a tenant as governance sees them: their texts of now, what of them falls due, where each comes from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from aver.governance.declaration import DataClass
from aver.governance.holds import Preserved
from aver.knowledge import Knowledge
from aver.knowledge.forgetting import (
    forget_original,
    forget_versions,
    old_originals,
    old_versions,
    unchanged_documents,
)
from aver.knowledge.originals import ORIGINALS, Originals
from aver.knowledge.store import document_versions, documents
from aver.store import TenantStore

__all__ = ["TenantDocuments"]

_A_QUERY = 500


class TenantDocuments:
    """Implements :class:`~aver.governance.holds.Texts` and :class:`~aver.governance.retention.Documents`. ``knowledge`` is asked for when a
    document is to go: it needs the index, which nothing else here does."""

    def __init__(self, store: TenantStore, knowledge: Callable[[], Knowledge]) -> None:
        self._store = store
        self._knowledge = knowledge
        self._originals = Originals(store.directory / ORIGINALS)

    def current(self, ids: Sequence[str]) -> list[Preserved]:
        """As :class:`~aver.governance.holds.Texts` says."""
        was = document_versions.c
        query = select(was.document, was.version, was.title, was.text).join(
            documents, (documents.c.id == was.document) & (documents.c.version == was.version)
        )
        with self._store.read() as tx:
            return [
                Preserved(*row) for some in _portions(ids) for row in tx.execute(query.where(documents.c.id.in_(some)))
            ]

    def places(self, ids: Iterable[str]) -> list[tuple[str, str]]:
        """Source and path of each of these documents that is there."""
        with self._store.read() as tx:
            return [
                (row.source, row.path)
                for some in _portions(list(ids))
                for row in tx.execute(select(documents.c.source, documents.c.path).where(documents.c.id.in_(some)))
            ]

    def all_places(self) -> list[tuple[str, str]]:
        """Source and path of every document."""
        with self._store.read() as tx:
            query = select(documents.c.source, documents.c.path).where(documents.c.acl.is_not(None))
            return [(row.source, row.path) for row in tx.execute(query)]

    def due(self, name: DataClass, before: str, but: Collection[str], most: int) -> Sequence[Any]:
        """As :class:`~aver.governance.retention.Documents` says."""
        with self._store.read() as tx:
            if name == "versions":
                return old_versions(tx, before, but, most)
            return (old_originals if name == "originals" else unchanged_documents)(tx, before, but, most)

    def dispose(self, name: DataClass, due: Sequence[Any], record: Callable[[Connection], None]) -> None:
        """As :class:`~aver.governance.retention.Documents` says. A document is removed as by hand, in a transaction of its own."""
        if name == "documents":
            self._knowledge().forget(due, {"retention": name})
            with self._store.begin() as tx:
                record(tx)
            return
        with self._store.begin() as tx:
            dropped = (forget_versions if name == "versions" else forget_original)(tx, due)
            record(tx)
        self._originals.drop(dropped)


def _portions(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[at : at + _A_QUERY] for at in range(0, len(ids), _A_QUERY))
