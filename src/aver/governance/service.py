"""The governance of one tenant: what it declares, what is held, what goes when, who read what, who agreed to what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from sqlalchemy import delete, insert

from aver.core.clock import Clock, rfc3339
from aver.core.ids import new_id
from aver.core.labels import Label
from aver.evidence import Draft, Ledger
from aver.governance.acknowledging import AcceptableUse
from aver.governance.declaration import Declaration
from aver.governance.declared import Declared
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


class Governance:
    """Blocking. ``region`` is where this installation keeps its data; ``knowledge`` is asked for once a document has to go."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        declared: Declared,
        region: str,
        knowledge: Callable[[], Knowledge],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._declared = declared
        self._region = region
        self.documents = TenantDocuments(store, knowledge)
        self.holds = Holds(store, ledger, clock, self.documents)
        self.retention = Retention(store, ledger, clock, self.holds, self.declaration, lambda: self.documents)
        self.accesses = AccessLog(store, ledger)
        self.use = AcceptableUse(store, ledger, clock, self.declaration)

    def declaration(self) -> Declaration:
        """What is in force, at most a second old."""
        return self._declared.now()

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
        self._declared.forget()

    def labelled(self, declaration: Declaration) -> list[tuple[Label, int]]:
        """How many documents have which label by a declaration, most documents first."""
        counted = Counter(declaration.label_of([place]) for place in self.documents.all_places())
        return counted.most_common()
