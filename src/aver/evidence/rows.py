"""Reading steps and checkpoints as the driver gives them: what an attacker stored may not fit SQLAlchemy's types.

Queries here name the tenant, as queries elsewhere do not: the primary key begins with it, so without it a walk by
sequence number would read the whole table.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, type_coerce
from sqlalchemy.types import NullType

from aver.evidence.record import GENESIS, CheckpointRow, StepRow
from aver.evidence.store import IS_SPARSE, SPARSE, checkpoints, steps
from aver.evidence.types import Head

__all__ = ["checkpoints_between", "hash_at", "head_of", "last_of_kind", "steps_from", "steps_of", "steps_of_kind"]


def _raw(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [type_coerce(table.c[name], NullType()).label(name) for name in names]


_STEP = select(*_raw(steps, StepRow._fields)).order_by(steps.c.seq)
_CHECKPOINT = select(*_raw(checkpoints, CheckpointRow._fields)).order_by(checkpoints.c.seq)


def steps_from(tx: Connection, tenant: str, first: int, size: int) -> Generator[list[StepRow]]:
    """The steps from ``first`` on in order, in batches of ``size``, none of them empty. Close it when leaving early."""
    query = _STEP.where(steps.c.tenant == tenant, steps.c.seq >= first)
    with tx.execute(query, execution_options={"yield_per": size}) as result:
        for batch in result.partitions():
            yield [StepRow._make(row) for row in batch]


def steps_of(tx: Connection, turns: list[str]) -> list[StepRow]:
    """The steps of these turns in order."""
    return [StepRow._make(row) for row in tx.execute(_STEP.where(steps.c.turn.in_(turns)))]


def steps_of_kind(tx: Connection, tenant: str, kind: str, after: int, most: int, since: str = "") -> list[StepRow]:
    """The first ``most`` steps of a kind behind the sequence number ``after`` in order, from the moment ``since`` (RFC 3339) on."""
    wanted = (*_of_kind(tenant, kind), steps.c.seq > after, steps.c.at >= since)
    return [StepRow._make(row) for row in tx.execute(_STEP.where(*wanted).limit(most))]


def last_of_kind(tx: Connection, tenant: str, kind: str, most: int, before: int | None) -> list[StepRow]:
    """The last ``most`` steps of a kind, those before a sequence number where one is given; the newest first."""
    query = _STEP.order_by(None).order_by(steps.c.seq.desc()).where(*_of_kind(tenant, kind))
    if before is not None:
        query = query.where(steps.c.seq < before)
    return [StepRow._make(row) for row in tx.execute(query.limit(most))]


def _of_kind(tenant: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    mine = (steps.c.tenant == tenant, steps.c.kind == kind)
    return (*mine, IS_SPARSE) if kind in SPARSE else mine  # type: ignore[return-value]  # a condition as text


def checkpoints_between(tx: Connection, tenant: str, first: int, last: int) -> Iterator[CheckpointRow]:
    """The checkpoints of the steps from ``first`` to ``last`` in order."""
    seq = checkpoints.c.seq
    query = _CHECKPOINT.where(checkpoints.c.tenant == tenant, seq >= first, seq <= last)
    return iter([CheckpointRow._make(row) for row in tx.execute(query)])


def hash_at(tx: Connection, tenant: str, seq: int) -> str | None:
    query = select(steps.c.hash).where(steps.c.tenant == tenant, steps.c.seq == seq)
    return tx.execute(query).scalar()


def head_of(tx: Connection, tenant: str) -> Head:
    query = select(steps.c.seq, steps.c.hash).where(steps.c.tenant == tenant).order_by(steps.c.seq.desc()).limit(1)
    last = tx.execute(query).first()
    return Head(last.seq, last.hash) if last else Head(0, GENESIS)
