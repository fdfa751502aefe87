"""How often the cache answered, and how often its semantic hits were wrong."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select, update

from aver.gateway.cache.bound import interval
from aver.gateway.cache.store import cache_counts
from aver.gateway.calls import CacheVerdict

__all__ = ["Counts", "Pool", "Report", "add", "differed", "reports"]

_OF = {"miss": "misses", "exact": "exact", "semantic": "semantic", "shadowed": "shadowed", "refused": "refused"}


class Pool(NamedTuple):
    """Whose hits are counted together."""

    route: str
    config: str
    release: str


class Report(NamedTuple):
    """What the cache did for one pool. Of ``compared`` shadowed hits ``wrong`` differed from the fresh answer; ``low`` and ``high``
    are the two-sided 95 % interval of that rate (Clopper and Pearson)."""

    pool: Pool
    misses: int
    exact: int
    semantic: int
    shadowed: int
    refused: int
    compared: int
    wrong: int
    low: float
    high: float


class Counts:
    """The verdicts of one process that are not written yet: a hit waits for no transaction."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Pool, Counter[str]] = {}

    def note(self, pool: Pool, verdict: CacheVerdict) -> None:
        with self._lock:
            self._waiting.setdefault(pool, Counter())[_OF[verdict]] += 1

    def write(self, tx: Connection) -> None:
        """Add what waits to the tables. Lost with the transaction should it fail: these are statistics."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for pool, counted in waiting.items():
            add(tx, pool, counted)


def add(tx: Connection, pool: Pool, counted: Counter[str]) -> None:
    """Add to the counts of ``pool`` by column."""
    more: dict[str, Any] = {name: cache_counts.c[name] + number for name, number in counted.items()}
    if tx.execute(update(cache_counts).where(_is(pool)).values(more)).rowcount == 0:
        none = dict.fromkeys((*_OF.values(), "agreed", "differed"), 0)
        tx.execute(insert(cache_counts), {**pool._asdict(), **none, **counted})


def differed(tx: Connection, pool: Pool) -> tuple[int, int]:
    """How many shadowed hits of ``pool`` were wrong, and how many were compared."""
    row = tx.execute(select(cache_counts.c.agreed, cache_counts.c.differed).where(_is(pool))).one_or_none()
    return (0, 0) if row is None else (row.differed, row.agreed + row.differed)


def reports(tx: Connection) -> list[Report]:
    """One for each pool, by route."""
    found = []
    for row in tx.execute(select(cache_counts).order_by(cache_counts.c.route, cache_counts.c.config)):
        compared = row.agreed + row.differed
        pool = Pool(row.route, row.config, row.release)
        counted = (row.misses, row.exact, row.semantic, row.shadowed, row.refused, compared, row.differed)
        found.append(Report(pool, *counted, *interval(row.differed, compared)))
    return found


def _is(pool: Pool) -> ColumnElement[bool]:
    columns = cache_counts.c
    return (columns.route == pool.route) & (columns.config == pool.config) & (columns.release == pool.release)
