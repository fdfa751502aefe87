"""What stands in clear of a chain, read in bulk: places, kinds, moments and facts, with no content opened.

Nothing vouches for it beyond what :meth:`~aver.evidence.Ledger.verify` found last: figures may be read so, proof may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, select, type_coerce
from sqlalchemy.types import NullType

from aver.core.clock import rfc3339
from aver.evidence.store import steps
from aver.store import TenantStore

__all__ = ["ClearStep", "clear_steps", "clear_turns", "place_of", "steps_of_kinds", "steps_of_turns"]

_TURNS_A_QUERY = 500


class ClearStep(NamedTuple):
    """A step without its content. ``subject`` is the opaque id of whose it is; ``at`` is RFC 3339 and may be anything in a chain that was
    changed outside Aver."""

    seq: int
    turn: str
    kind: str
    at: str
    subject: str
    facts: dict[str, Any]


_COLUMNS: list[Any] = [type_coerce(steps.c[name], NullType()).label(name) for name in ClearStep._fields]
_CLEAR: Any = select(*_COLUMNS).order_by(steps.c.seq)


def clear_steps(store: TenantStore, after: int, most: int) -> list[ClearStep]:
    """The first ``most`` steps behind the sequence number ``after``, in order."""
    query = _CLEAR.where(steps.c.tenant == store.tenant.id, steps.c.seq > after).limit(most)
    with store.read() as tx:
        return [_clear(row) for row in tx.execute(query)]


def clear_turns(store: TenantStore, turns: Iterable[str]) -> dict[str, list[ClearStep]]:
    """All steps of each of these turns, in order."""
    wanted, found = list(dict.fromkeys(turns)), dict[str, list[ClearStep]]()
    with store.read() as tx:
        for start in range(0, len(wanted), _TURNS_A_QUERY):
            for row in tx.execute(_CLEAR.where(steps.c.turn.in_(wanted[start : start + _TURNS_A_QUERY]))):
                found.setdefault(row.turn, []).append(_clear(row))
    return found


def steps_of_turns(tx: Connection, turns: Iterable[str], kinds: Sequence[str]) -> list[ClearStep]:
    """The steps of these kinds in each of these turns, in order within each five hundred of them."""
    wanted, found = list(dict.fromkeys(turns)), list[ClearStep]()
    for start in range(0, len(wanted), _TURNS_A_QUERY):
        some = steps.c.turn.in_(wanted[start : start + _TURNS_A_QUERY])
        found += map(_clear, tx.execute(_CLEAR.where(some, steps.c.kind.in_(kinds))))
    return found


def steps_of_kinds(
    store: TenantStore,
    kinds: Sequence[str],
    after: int,
    most: int,
    *,
    since: str = "",
    subject: str | None = None,
) -> list[ClearStep]:
    """The first ``most`` steps of these kinds behind the sequence number ``after``, in order: from the moment ``since`` (RFC 3339) on, and of
    one subject where its opaque id is given."""
    query = _CLEAR.where(_mine(store), steps.c.seq > after, steps.c.kind.in_(kinds))
    if since:
        query = query.where(steps.c.at >= since)
    if subject is not None:
        query = query.where(steps.c.subject == subject)
    with store.read() as tx:
        return [_clear(row) for row in tx.execute(query.limit(most))]


def place_of(store: TenantStore, moment: datetime) -> int:
    """The sequence number behind which the steps from ``moment`` on are, found by halving: a chain is in the order of time, as far as the
    clocks of those who wrote it were."""
    wanted = rfc3339(moment)
    with store.read() as tx:
        low, high = 0, tx.scalar(select(steps.c.seq).where(_mine(store)).order_by(steps.c.seq.desc()).limit(1)) or 0
        while low < high:
            middle = (low + high + 1) // 2
            if _at(tx, store, middle) < wanted:
                low = middle
            else:
                high = middle - 1
    return low


def _mine(store: TenantStore) -> Any:
    return steps.c.tenant == store.tenant.id


def _at(tx: Connection, store: TenantStore, seq: int) -> str:
    return str(tx.scalar(select(steps.c.at).where(_mine(store), steps.c.seq == seq)) or "")


def _clear(row: Row[Any]) -> ClearStep:
    try:
        facts = orjson.loads(row.facts)
    except orjson.JSONDecodeError:  # changed outside Aver: whoever verifies the chain is told
        facts = {}
    return ClearStep(row.seq, row.turn, row.kind, row.at, row.subject, facts if isinstance(facts, dict) else {})
