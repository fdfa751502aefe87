"""What a tenant declares, as it is now, and the labels that follow from it. Light: whoever asks for every call of a model loads no documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from sqlalchemy import select

from aver.core.clock import Clock
from aver.core.labels import Label
from aver.governance.declaration import Declaration
from aver.governance.places import CURRENT
from aver.governance.store import declarations
from aver.store import TenantStore

__all__ = ["Declared"]

_FRESH = 1.0
"""Seconds for which what is declared is believed: another process may declare something else."""


class Declared:
    """One tenant's. ``places`` gives source and path of documents by their ids. Blocking but for :meth:`known`."""

    def __init__(
        self, store: TenantStore, clock: Clock, places: Callable[[Iterable[str]], Iterable[tuple[str, str]]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._places = places
        self._current = Declaration()
        self._read_at: float | None = None

    def known(self) -> Declaration | None:
        """What is in force, where that was read within the last second."""
        fresh = self._read_at is not None and self._clock.monotonic() - self._read_at < _FRESH
        return self._current if fresh else None

    def now(self) -> Declaration:
        """What is in force, at most a second old."""
        known = self.known()
        if known is not None:
            return known
        at = self._clock.monotonic()
        with self._store.read() as tx:
            written = tx.execute(select(declarations.c.declared).where(declarations.c.name == CURRENT)).scalar()
        stored = Declaration.of(json.loads(written) if written else {})
        # What is the same stays the same object, with what it has worked out.
        self._current = self._current if stored == self._current else stored
        self._read_at = at
        return self._current

    def forget(self) -> None:
        """Read it anew the next time."""
        self._read_at = None

    def label(self, documents: Iterable[str]) -> Label:
        """Of what is made of these documents, at this tenant."""
        declared = self.now()
        return declared.label_of(self._places(documents) if declared.classification else ())
