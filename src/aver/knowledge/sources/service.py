"""A tenant's declared sources: declare them, follow them, see how they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aver.core import Clock, Principal, new_id, rfc3339
from aver.core.errors import AverError, Conflict, NotFound
from aver.core.yaml import nearest
from aver.evidence import Ledger
from aver.knowledge.access import AccessList
from aver.knowledge.inspection import held
from aver.knowledge.quality import STALE_DAYS
from aver.knowledge.service import Knowledge
from aver.knowledge.sources.declaration import options_of, values_from_json, values_to_json
from aver.knowledge.sources.overview import SourceOverview, source_overviews
from aver.knowledge.sources.registry import kind_of
from aver.knowledge.sources.types import DeclaredSource, Reach, SourceState
from aver.knowledge.store import BY_HAND, sources
from aver.knowledge.types import IngestReport, ItemFailure, Page, Progress, Source, SourceItem
from aver.store import TenantStore

__all__ = ["Sources"]

_MOST_FAILURES = 200
"""That are remembered of a run."""


class Sources:
    """Blocking. ``secret`` gives what a reference names; ``max_bytes`` bounds one item."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        knowledge: Knowledge,
        clock: Clock,
        secret: Callable[[str], str],
        max_bytes: int,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._knowledge = knowledge
        self._clock = clock
        self._secret = secret
        self._max_bytes = max_bytes

    def declare(self, declared: Sequence[DeclaredSource]) -> None:
        """Add these sources, or let what is known of them be as they say. Others stay. Nothing is followed yet."""
        with self._store.begin() as tx:
            for each in declared:
                self._declare(tx, each)
            names = [[each.name, each.kind] for each in declared]
            facts = {"declared": len(names)}
            self._ledger.append(
                tx, turn=new_id("sources"), kind="source_declared", subject=None, facts=facts, body={"sources": names}
            )

    def _declare(self, tx: Connection, declared: DeclaredSource) -> None:
        values = values_to_json(declared.values)
        before = tx.execute(select(sources).where(sources.c.name == declared.name)).one_or_none()
        now: dict[str, Any] = {"kind": declared.kind, "declared": values, "every": round(declared.every)}
        if declared.access is not None or before is None:
            now["access"] = (declared.access or AccessList.everyone()).to_json()
        if before is None:
            tx.execute(insert(sources).values({**BY_HAND, **now, "name": declared.name}))
            return
        elsewhere = (before.kind, before.declared) != (declared.kind, values)
        if elsewhere or now.get("access", before.access) != before.access:
            now["cursor"] = ""  # what it listed before may be no beginning of what it lists now
        tx.execute(update(sources).where(sources.c.name == declared.name).values(now))

    def states(self) -> list[SourceState]:
        """Every source, by name."""
        with self._store.read() as tx:
            holding = held(tx)
            rows = tx.execute(select(sources).order_by(sources.c.name)).all()
        return [_state(row, holding.get(row.name, 0)) for row in rows]

    def overviews(self, principal: Principal, stale_days: int = STALE_DAYS) -> list[SourceOverview]:
        """How the sources stand that ``principal`` may know of, by name; see :mod:`aver.knowledge.sources.overview`."""
        return source_overviews(self._store, self._clock, self.states(), principal, stale_days=stale_days)

    def overview(self, principal: Principal, name: str, stale_days: int = STALE_DAYS) -> SourceOverview:
        """One of them; :class:`~aver.core.errors.NotFound` where it is not there, or not theirs to know of."""
        return source_overviews(self._store, self._clock, self.states(), principal, name=name, stale_days=stale_days)[0]

    def follow(self, name: str, *, whole: bool = False, progress: Progress | None = None) -> IngestReport:
        """Bring the documents of a declared source to what it holds now; only what changed since the last time, unless ``whole``.

        Raises :class:`~aver.core.errors.NotFound` where no such source is declared, and as
        :meth:`~aver.knowledge.service.Knowledge.ingest`; why it failed is then remembered with the source.
        """
        row = self._declared(name)
        began = self._clock.now()
        try:
            report = self._knowledge.ingest(self._open(row), progress=progress, whole=whole)
        except Conflict:
            raise  # that somebody else is at it says nothing of the source
        except AverError as error:
            self._note(name, tried=rfc3339(self._clock.now()), problem=str(error))
            raise
        fresh = {"fresh": rfc3339(began)} if report.complete else {}
        self._note(name, tried=rfc3339(self._clock.now()), problem="", report=_to_json(report), **fresh)
        return report

    def due(self) -> list[str]:
        """The sources whose schedule says that they are to be followed now, the longest waiting first."""
        now = self._clock.now()
        waiting = [state for state in self.states() if state.is_due(now)]
        return [
            state.name for state in sorted(waiting, key=lambda state: (state.tried is not None, state.tried or now))
        ]

    def remove(self, name: str) -> IngestReport:
        """Forget a source, and delete every document that came from it; :class:`~aver.core.errors.NotFound` where there is none."""
        self._known(name)
        report = self._knowledge.ingest(_Nothing(name), whole=True)
        with self._store.begin() as tx:
            tx.execute(delete(sources).where(sources.c.name == name))
            self._ledger.append(
                tx,
                turn=new_id("sources"),
                kind="source_removed",
                subject=None,
                facts={"deleted": report.deleted},
                body={"source": name},
            )
        return report

    def _declared(self, name: str) -> Row[Any]:
        row = self._known(name)
        if not row.kind:
            raise NotFound(
                f"{name} was ingested by hand, so there is nowhere to look", "Ingest it again, or declare it."
            )
        return row

    def _known(self, name: str) -> Row[Any]:
        with self._store.read() as tx:
            rows = {row.name: row for row in tx.execute(select(sources))}
        if name not in rows:
            raise NotFound(f"There is no source {name[:100]!r}", nearest(name, rows) if rows else "Declare it first.")
        return rows[name]

    def _open(self, row: Row[Any]) -> Source:
        kind = kind_of(row.kind)
        options = options_of(kind, values_from_json(row.declared))
        folder: Path = self._store.directory / "sources" / row.name
        return kind.open(row.name, options, Reach(self._secret, self._clock, folder, self._max_bytes))

    def _note(self, name: str, **values: str) -> None:
        with self._store.begin() as tx:
            tx.execute(update(sources).where(sources.c.name == name).values(values))


class _Nothing:
    """A source that holds nothing any more."""

    def __init__(self, name: str) -> None:
        self.name = name

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - it is the protocol's
        yield Page()

    def fetch(self, item: SourceItem) -> bytes:
        raise NotFound(f"{item.path} is gone", "Follow the source again.")


def _state(row: Row[Any], held: int) -> SourceState:
    return SourceState(
        name=row.name,
        kind=row.kind,
        every=float(row.every),
        documents=held,
        fresh=datetime.fromisoformat(row.fresh) if row.fresh else None,
        tried=datetime.fromisoformat(row.tried) if row.tried else None,
        problem=row.problem,
        report=_from_json(row.report) if row.report else None,
    )


def _to_json(report: IngestReport) -> str:
    values = asdict(report)
    for name in ("failed", "skipped"):
        values[name] = values[name][:_MOST_FAILURES]
    return json.dumps(values)


def _from_json(text: str) -> IngestReport:
    values = json.loads(text)
    for name in ("failed", "skipped"):
        values[name] = tuple(ItemFailure(**each) for each in values[name])
    return IngestReport(**values)
