"""Content let go once its time is up, by class of data, as far as no hold keeps it.

A run goes on where the one before stopped: what a transaction lets go of, what says so in the chain and how far it has come are one
commit. Times count in whole days, UTC, so that a class falls due once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete

from aver.agents.acting.store import memories
from aver.core.clock import Clock, rfc3339
from aver.core.errors import Unavailable
from aver.core.ids import new_id
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger
from aver.evidence.clear import steps_of_turns
from aver.evidence.disposal import Due, due_steps, last_before
from aver.evidence.types import OF_TURNS
from aver.gateway.cache.store import cached_answers
from aver.governance.declaration import CLASSES, DataClass, Declaration
from aver.governance.holds import Hold, Holds
from aver.governance.passages import passages_of
from aver.governance.progress import read_cursor, write_cursor
from aver.guard.store import vaulted_values
from aver.store import TenantStore

__all__ = ["KINDS", "Disposed", "Documents", "Retention"]

KINDS: Mapping[DataClass, tuple[str, ...]] = {
    "conversations": (*OF_TURNS, "shadowed"),
    "feedback": ("judged", "reported", "triaged", "surveyed"),
    "memory": ("remembered", "forgotten"),
    "accesses": ("accessed", "inspected"),
}
"""The kinds of step whose content is of a class. Content of other kinds tells what was done to the installation, and stays."""
_STEPS = 2000
_DOCUMENTS = 100
_LOCK = "retention"


@dataclass(frozen=True, slots=True)
class Disposed:
    """What a run let go of one class, or would. ``count`` are steps, or versions, files, documents; ``held`` those that a hold keeps."""

    name: DataClass
    days: int
    before: datetime
    count: int
    held: int
    more: bool = False
    """Whether there is more, which was not looked at."""


class Documents(Protocol):
    """The documents of a tenant, as far as they fall due. None asks for anybody's permission."""

    def due(self, name: DataClass, before: str, but: Collection[str], most: int) -> Sequence[Any]:
        """The first ``most`` that are due of a class: whatever :meth:`dispose` takes."""

    def dispose(self, name: DataClass, due: Sequence[Any], record: Callable[[Connection], None]) -> None:
        """Let these go; ``record`` is called within the transaction that does."""


class Retention:
    """One tenant's. Blocking."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        holds: Holds,
        declared: Callable[[], Declaration],
        documents: Callable[[], Documents],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._holds = holds
        self._declared = declared
        self._documents = documents

    def apply(self, *, dry_run: bool = False, most: int | None = None) -> list[Disposed]:
        """Let everything go whose time is up; with ``dry_run`` only say what that is. ``most`` bounds the transactions of each class.

        Cut off at any moment, another run goes on. Raises :class:`~aver.core.errors.Conflict` while another process does so.
        """
        declared = self._declared().retention
        if dry_run:
            return [self._class(each, declared[each], None, most) for each in CLASSES if each in declared]
        run = new_id("retention")
        with self._store.lock(_LOCK):
            found = [self._class(each, declared[each], run, most) for each in CLASSES if each in declared]
            if any(each.count for each in found):
                # Whoever reads meanwhile keeps the log from being emptied; the next run, or an erasure, does it then.
                with suppress(Unavailable):
                    self._store.scrub()
        return found

    def due(self) -> bool:
        """Whether anything is declared to go at all."""
        return bool(self._declared().retention)

    def _class(self, name: DataClass, kept: timedelta, run: str | None, most: int | None) -> Disposed:
        today = self._clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        before, holds = today - kept, self._holds.standing()
        walk = self._steps if name in KINDS else self._rest
        count, held, more = walk(name, rfc3339(before), holds, run, most)
        return Disposed(name, kept.days, before, count, held, more)

    # What is in evidence

    def _steps(
        self, name: DataClass, before: str, holds: Sequence[Hold], run: str | None, most: int | None
    ) -> tuple[int, int, bool]:
        users = {user_reader(user) for hold in holds for user in hold.users}
        documents = frozenset(document for hold in holds for document in hold.documents)
        with self._store.read() as tx:
            cursor = read_cursor(tx, name)
            end = last_before(tx, self._store.tenant.id, before, cursor)
            keeping = frozenset(self._ledger.subject_ids(tx, users).values())
        went = held = portions = 0
        while cursor < end and (most is None or portions < most):
            with self._store.read() as tx:
                due = due_steps(tx, self._store.tenant.id, KINDS[name], cursor, end, _STEPS)
            free = self._free(due, keeping, documents)
            held += len(due) - len(free)
            cursor = due[-1].seq if len(due) == _STEPS else end
            portions += 1
            went += len(free)
            if run is not None:
                self._let_go(name, before, free, cursor, run)
        if run is not None and name == "conversations":
            self._beside(before, keeping)
        return went, held, cursor < end

    def _let_go(self, name: DataClass, before: str, free: Sequence[Due], cursor: int, run: str) -> None:
        with self._store.begin() as tx:
            self._ledger.dispose(tx, [each.seq for each in free], run, {"class": name, "before": before})
            if name == "memory":
                turns = sorted({each.turn for each in free})
                for start in range(0, len(turns), 500):
                    tx.execute(delete(memories).where(memories.c.id.in_(turns[start : start + 500])))
            write_cursor(tx, name, cursor)

    def _free(self, due: Sequence[Due], keeping: Collection[str], documents: frozenset[str]) -> list[Due]:
        """Those that no hold keeps."""
        found = [each for each in due if each.subject not in keeping]
        if not documents or not found:
            return found
        with self._store.read() as tx:
            looked_at = steps_of_turns(tx, {each.turn for each in found}, ("retrieved", "executed"))
        # What an agent's tools gave it is not told in clear: while any document is held, so are all turns of agents that called some.
        resting = {
            each.turn
            for each in looked_at
            if each.kind == "executed" or not documents.isdisjoint(passages_of(each.facts))
        }
        return [each for each in found if each.turn not in resting]

    def _beside(self, before: str, keeping: Collection[str]) -> None:
        """What else is kept of conversations: values that checks cut out of them, and answers that might be given again."""
        with self._store.begin() as tx:
            for table in (vaulted_values, cached_answers):
                tx.execute(delete(table).where(table.c.created < before, table.c.subject.not_in(sorted(keeping))))

    # What is in documents

    def _rest(
        self, name: DataClass, before: str, holds: Sequence[Hold], run: str | None, most: int | None
    ) -> tuple[int, int, bool]:
        kept = {document for hold in holds for document in hold.documents}
        documents = self._documents()
        if run is None:
            limit = 10**9 if most is None else most * _DOCUMENTS
            everything = len(documents.due(name, before, (), limit))
            return (free := len(documents.due(name, before, kept, limit))), max(0, everything - free), free == limit
        went = portions = 0
        more = True
        while most is None or portions < most:
            due = documents.due(name, before, kept, _DOCUMENTS)
            if not due:
                more = False
                break
            facts = {"class": name, "before": before, "items": len(due), "steps": 0}

            def record(tx: Connection, facts: Mapping[str, Any] = facts) -> None:
                self._ledger.append_all(tx, [Draft(run, "disposed", None, facts)])

            documents.dispose(name, due, record)
            went += len(due)
            portions += 1
        return went, len(documents.due(name, before, (), _DOCUMENTS)) if kept else 0, more
