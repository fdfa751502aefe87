"""The governance of one tenant: what it declares, what is held, what goes when, who read what, who agreed to what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from sqlalchemy import delete, insert, select

from aver.core.clock import Clock, rfc3339
from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.gateway.labels import Label
from aver.governance.acknowledging import AcceptableUse
from aver.governance.declaration import Declaration
from aver.governance.documents import TenantDocuments
from aver.governance.holds import Holds
from aver.governance.places import CURRENT, check_region
from aver.governance.progress import start_over
from aver.governance.reading import AccessLog
from aver.governance.retention import Retention
from aver.governance.store import declarations
from aver.knowledge import Knowledge
from aver.store import TenantStore

__all__ = ["Governance"]

_FRESH = 1.0
"""Seconds for which what is declared is believed: another process may declare something else."""


class Governance:
    """Blocking. ``region`` is where this installation keeps its data; ``knowledge`` is asked for once a document has to go."""

    def __init__(
        self, store: TenantStore, ledger: Ledger, clock: Clock, region: str, knowledge: Callable[[], Knowledge]
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._region = region
        self._declared = Declaration()
        self._read_at: float | None = None
        self.documents = TenantDocuments(store, knowledge)
        self.holds = Holds(store, ledger, clock, self.documents)
        self.retention = Retention(store, ledger, clock, self.holds, self.declaration, lambda: self.documents)
        self.accesses = AccessLog(store, ledger)
        self.use = AcceptableUse(store, ledger, clock, self.declaration)

    def declaration(self) -> Declaration:
        """What is in force, at most a second old."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= _FRESH:
            with self._store.read() as tx:
                query = select(declarations.c.declared).where(declarations.c.name == CURRENT)
                written = tx.execute(query).scalar()
            stored = Declaration.of(json.loads(written) if written else {})
            # What is the same stays the same object, with what it has worked out.
            self._declared = self._declared if stored == self._declared else stored
            self._read_at = now
        return self._declared

    def declare(self, declaration: Declaration, by: str) -> None:
        """Keep what the tenant declares, in place of what it declared before. Raises :class:`~aver.governance.places.Misplaced` for a region that is not this one's."""
        check_region(declaration.region, self._region)
        plain = declaration.plain()
        row = {"name": CURRENT, "declared": json.dumps(plain), "changed": rfc3339(self._clock.now())}
        facts = {
            "classes": len(declaration.retention),
            "rules": len(declaration.classification),
            "region": declaration.region or None,
            "terms": declaration.terms.digest if declaration.terms else None,
        }
        with self._store.begin() as tx:
            tx.execute(delete(declarations).where(declarations.c.name == CURRENT))
            tx.execute(insert(declarations), row)
            start_over(tx)
            self._ledger.append_all(
                tx, [Draft(new_id("governance"), "governed", None, facts, {"declared": plain, "by": by})]
            )
        self._read_at = None

    def label(self, documents: Iterable[str]) -> Label:
        """Of what is made of these documents, at this tenant."""
        declared = self.declaration()
        return declared.label_of(self.documents.places(documents) if declared.classification else ())
