"""Grants in the tenant's own database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, String, bindparam, delete, insert, select, update

from aver.core.clock import rfc3339
from aver.gateway.budgets.grants import Answer, Grant, GrantKey, Line, given
from aver.store import TenantStore, tenant_table

__all__ = ["SqlGrantStore", "budget_grants"]

budget_grants = tenant_table(
    "budget_grants",
    Column("budget", String, primary_key=True),
    Column("unit", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("value", String, primary_key=True),
    # A process, by an id of its own; empty for the sum of all that have left.
    Column("holder", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("ceiling", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("seen", String, nullable=False),
    Column("expires", String, nullable=False, index=True),
)

_PRUNE_EVERY = timedelta(hours=1)
_c = budget_grants.c
_KEY = (_c.budget, _c.unit, _c.period, _c.value)
# Statements are made once: SQLAlchemy then compiles each once, and a line costs little more than its rows.
_OF_KEY = tuple(column == bindparam(f"k_{column.name}") for column in _KEY)
_OWN = (*_OF_KEY, _c.holder == bindparam("k_holder"))
_HOLDERS = select(_c.holder, _c.seq, _c.granted, _c.settled, _c.reserved).where(*_OF_KEY)
_UPDATE = update(budget_grants).where(*_OWN)
_INSERT = insert(budget_grants)
_LEAVE = delete(budget_grants).where(*_OWN)
_PRUNE = delete(budget_grants).where(_c.expires < bindparam("now"))


class SqlGrantStore:
    """Grants as rows; an exchange is one transaction of the tenant's, of which there is one at a time."""

    def __init__(self, store: TenantStore) -> None:
        self._store = store
        self._pruned: datetime | None = None
        self._lock = threading.Lock()

    def exchange(self, holder: str, lines: Sequence[Line], now: datetime) -> list[Answer]:
        with self._store.begin() as tx:
            if self._prune_is_due(now):
                tx.execute(_PRUNE, {"now": rfc3339(now)})
            return [_exchange(tx, holder, line, rfc3339(now)) for line in lines]

    def grants(self) -> list[Grant]:
        columns = (*_KEY, _c.holder, _c.ceiling, _c.granted, _c.settled, _c.reserved, _c.seen)
        with self._store.read() as tx:
            rows = tx.execute(select(*columns).order_by(*_KEY, _c.holder)).all()
        return [
            Grant(GrantKey(budget, unit, period, value), *amounts) for budget, unit, period, value, *amounts in rows
        ]

    def forget(self, value: str) -> None:
        with self._store.begin() as tx:
            tx.execute(delete(budget_grants).where(_c.value == value))

    def close(self) -> None:
        """The tenant's store is not this one's to close."""

    def _prune_is_due(self, now: datetime) -> bool:
        with self._lock:
            due = self._pruned is None or abs(now - self._pruned) >= _PRUNE_EVERY
            if due:
                self._pruned = now
            return due


def _exchange(tx: Connection, holder: str, line: Line, now: str) -> Answer:
    where = {f"k_{name}": value for name, value in zip(GrantKey._fields, line.key, strict=True)}
    others = idle = used_before = 0
    mine: int | None = None
    someone_left = False
    for name, seq, granted, settled, reserved in tx.execute(_HOLDERS, where):
        if name == holder:
            mine = seq
            continue
        others += granted
        idle += max(0, granted - settled - reserved)
        if not name:
            someone_left, used_before = True, settled
    room = line.limit - others - line.granted
    stale = line.seq <= mine if mine is not None else line.opened and not line.need
    if stale:
        return Answer(0, room, idle)
    if line.leave:
        used = used_before + line.settled
        tx.execute(_LEAVE, where | {"k_holder": holder})
        _write(tx, "", line, (0, used, used, 0), now, exists=someone_left)
        return Answer(0, room + line.granted - line.settled, idle)
    more = given(line, room)
    _write(tx, holder, line, (line.seq, line.granted + more, line.settled, line.reserved), now, exists=mine is not None)
    return Answer(more, room - more, idle)


def _write(
    tx: Connection, holder: str, line: Line, position: tuple[int, int, int, int], now: str, *, exists: bool
) -> None:
    seq, granted, settled, reserved = position
    values = {
        "seq": seq,
        "ceiling": line.limit,
        "granted": granted,
        "settled": settled,
        "reserved": reserved,
        "seen": now,
        "expires": line.expires,
    }
    key = dict(zip(GrantKey._fields, line.key, strict=True)) | {"holder": holder}
    if exists:
        tx.execute(_UPDATE, values | {f"k_{name}": value for name, value in key.items()})
    else:
        tx.execute(_INSERT, values | key)
