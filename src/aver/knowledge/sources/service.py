"""A tenant's declared sources: declare them, follow them, see how they stand, be told that something changed in one."""

from __future__ import annotations

import json
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from aver.core import Clock, Principal, new_id, rfc3339
from aver.core.errors import AverError, Conflict, NotFound, Unavailable
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
from aver.knowledge.sources.webhooks import Event, Signature, challenge, signature
from aver.knowledge.store import BY_HAND, sources
from aver.knowledge.types import IngestReport, ItemFailure, Page, Progress, Source, SourceItem
from aver.store import TenantStore

__all__ = ["Sources"]

_MOST_FAILURES = 200
"""That are remembered of a run."""
_KEPT = 60.0
"""Seconds for which a secret of events is not asked for again."""
_NOBODY = secrets.token_hex(32)
"""Signs nothing: an event for no source is checked like any other."""


class Sources:
    """Blocking. ``secret`` gives what a reference names; ``max_bytes`` bounds one item. ``reached`` raises where the source of this name cannot be read now, whatever
    it says itself."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        knowledge: Knowledge,
        clock: Clock,
        secret: Callable[[str], str],
        max_bytes: int,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._knowledge = knowledge
        self._clock = clock
        self._secret = secret
        self._max_bytes = max_bytes
        self._reached = reached
        self._kept: dict[str, tuple[str, float]] = {}
        """Secrets of events by their references, each until when."""
        self._running: Counter[str] = Counter()
        """Runs under way, and attempts at one that are about to find that out."""

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
        now["webhook_secret"] = declared.webhook_secret
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
        self._declared(name)
        self._running[name] += 1
        try:
            with self._knowledge.alone_with(name):
                return self._follow(name, whole=whole, progress=progress)
        finally:
            self._running[name] -= 1

    def _follow(self, name: str, *, whole: bool, progress: Progress | None) -> IngestReport:
        """By whoever is alone with the source: what it is declared as is read here, because it may just have been removed."""
        row = self._declared(name)
        began = self._clock.now()
        try:
            report = self._knowledge.ingest(self._open(row), progress=progress, whole=whole, alone=True)
        except Conflict:
            raise  # that somebody else is writing says nothing of the source
        except AverError as error:
            self._note(name, tried=rfc3339(self._clock.now()), problem=str(error))
            raise
        fresh = {"fresh": rfc3339(began)} if report.complete else {}
        tried = rfc3339(self._clock.now())
        # An event that came while it ran may tell of what the run did not see: it asks for one more.
        self._note(name, tried=tried, problem="", report=_to_json(report), answered=row.asked, **fresh)
        return report

    def opened(self, name: str) -> tuple[str, Source]:
        """The kind of a declared source, and the source itself, to be read for another purpose than its documents. Raises
        :class:`~aver.core.errors.NotFound` where no such source is declared."""
        row = self._declared(name)
        return row.kind, self._open(row)

    def take(self, name: str, event: Event) -> str | None:
        """Remember that something changed in a source, which makes it due; what its system wants to be told back, if anything.

        Raises :class:`~aver.core.errors.NotFound` for a source that there is not, one that takes no events, an event that is not signed
        with its secret, and, caused by another error, where that secret cannot be had.
        """
        with self._store.read() as tx:
            row = tx.execute(select(sources).where(sources.c.name == name)).one_or_none()
        kind, reference = (row.kind, row.webhook_secret) if row else ("", "")
        try:
            signed = self._is_signed(signature(kind, event, self._clock.now()), reference)
        except AverError as error:
            raise NotFound("The secret of the source's events cannot be had", "Check its webhook_secret.") from error
        if not signed:
            raise NotFound("There is no such source, or the event is not signed with its secret", "Check both.")
        if (told := challenge(kind, event)) is not None:
            return told
        with self._store.begin() as tx:
            tx.execute(update(sources).where(sources.c.name == name).values(asked=sources.c.asked + 1))
        return None

    def _is_signed(self, signed: Signature | None, reference: str) -> bool:
        if signed is None:
            return False
        return signed.is_by(self._webhook_secret(reference) if reference else _NOBODY) and bool(reference)

    def _webhook_secret(self, reference: str) -> str:
        """Kept for a while: whoever may not knock should not have a vault asked each time that they do."""
        now = self._clock.monotonic()
        known, until = self._kept.get(reference, ("", 0.0))
        if now >= until:
            known = self._secret(reference)
            self._kept[reference] = known, now + _KEPT
        return known or _NOBODY

    @property
    def running(self) -> frozenset[str]:
        """The sources that are being followed through this object now."""
        return frozenset(+self._running)

    def due(self, *, asked: bool = False) -> list[str]:
        """The sources that are to be followed now, because their schedule says so or an event does, the longest waiting first; with
        ``asked`` only those that an event tells of."""
        now = self._clock.now()
        waiting = [state for state in self._stored() if state.is_due(now) and (state.asked or not asked)]
        return [
            state.name for state in sorted(waiting, key=lambda state: (state.tried is not None, state.tried or now))
        ]

    def has_waiting(self) -> bool:
        """Whether an event tells of a source that was not followed since."""
        return any(state.asked for state in self._stored())

    def _stored(self) -> list[SourceState]:
        """Every source, its documents uncounted."""
        with self._store.read() as tx:
            return [_state(row, 0) for row in tx.execute(select(sources)).all()]

    def remove(self, name: str) -> IngestReport:
        """Forget a source, and delete every document that came from it, and what it kept here; :class:`~aver.core.errors.NotFound` where
        there is none, :class:`~aver.core.errors.Conflict` while it is followed, and :class:`~aver.core.errors.Unavailable` where a file
        cannot be deleted.

        The source is known until nothing of it is left, so that what breaks off is done by doing it again; until then nobody follows it.
        """
        self._known(name)
        with self._knowledge.alone_with(name):
            row = self._known(name)
            report = self._knowledge.ingest(_Nothing(name), whole=True, alone=True)
            if row.kind:  # else it keeps nothing, and its name may be anything
                _clear(self._folder(name))
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
        self._reached(row.name)
        kind = kind_of(row.kind)
        options = options_of(kind, values_from_json(row.declared))
        return kind.open(row.name, options, Reach(self._secret, self._clock, self._folder(row.name), self._max_bytes))

    def _folder(self, name: str) -> Path:
        """What a declared source keeps here, such as the copy of a repository."""
        return self._store.directory / "sources" / name

    def _note(self, name: str, **values: str | int) -> None:
        with self._store.begin() as tx:
            tx.execute(update(sources).where(sources.c.name == name).values(values))


def _clear(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Unavailable(
            f"What is kept in {folder} cannot be deleted: {error.strerror}",
            "See who owns it, and remove the source again.",
        ) from error


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
        asked=bool(row.kind) and row.asked > row.answered,
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
