"""pgvector: the index in the tenant's own Postgres, so that replicas share no disk.

A passage is a row that was born in one version and died in another; a reader sees those that live in the version it opened. The
tables are under the same forced row-level security as every other, and searches run as the role that it binds.

**Vectors.** An approximate index over the vectors of many tenants and readers, filtered afterwards, finds next to nothing for
whoever sees little (recall .13 at 2 %). So who sees up to ``EXACT`` passages gets an exact scan of these, found by their reader sets.
Above, a tenant has an HNSW index of its own for each generation, over half-precision vectors, which is scanned on until enough
visible passages are found.

**Words.** Row-level security lets only leakproof operators use an index, which those of full-text search are not. So there are
postings: for a term and a reader set, the passages that hold it and how much it weighs in each. A search adds up those of the sets a
person belongs to and of no other, which is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from aver.core.errors import SettingsError, Unavailable
from aver.knowledge.adapters.pgvector_schema import PASSAGES, STATE, WORDS, hnsw_name, prepare
from aver.knowledge.adapters.pgvector_writer import PgWriter, half, live_at, vacuum
from aver.knowledge.index import CANDIDATES, Abilities, Candidates, Row, Version, candidates, unpacked
from aver.store import TenantStore
from aver.store.postgres import PostgresTenantStore

__all__ = ["EXACT", "PgvectorIndex"]

EXACT = 20_000
"""Passages that a person sees, up to which all of them are compared."""
_MOST_SCANNED = 200_000
"""Passages that the graph is followed through at most to find enough that are visible."""
_ROWS_A_PORTION = 4096


class PgvectorIndex:
    """One tenant's index in Postgres. Its tables are made when it is first used."""

    abilities = Abilities("pgvector", filters="before scoring")

    def __init__(self, store: TenantStore) -> None:
        if not isinstance(store, PostgresTenantStore):
            raise SettingsError(
                "The index engine pgvector keeps the index in Postgres, and this installation has none",
                "Set AVER_DATABASE_URL, or AVER_INDEX_ENGINE=lancedb.",
            )
        self._store = store
        self._ready = False

    def search(
        self,
        version: Version,
        acls: Sequence[int],
        visible: int,
        vector: NDArray[np.float32],
        terms: Mapping[str, float],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        among = _Among(version, acls, documents)
        with self._reading(version) as tx:
            if documents is not None:
                visible = min(visible, among.size(tx, EXACT + 1))
            ids = self._nearest(tx, among, visible, vector, count)
            ids |= set(among.alive(tx, _best(_postings(tx, version, acls, terms)), count))
            return _read(tx, version, ids, len(vector))

    def holding(
        self,
        version: Version,
        acls: Sequence[int],
        terms: Sequence[str],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        with self._reading(version) as tx:
            postings = _postings(tx, version, acls, dict.fromkeys(terms, 1.0))
            ids = _Among(version, acls, documents).alive(tx, _best(postings, of_all=len(set(terms))), count)
            query = f"SELECT vector_dims(embedding) FROM {PASSAGES} WHERE generation = :generation LIMIT 1"
            return _read(tx, version, ids, tx.scalar(text(query), live_at(version)) or 0)

    def _nearest(
        self,
        tx: Connection,
        among: _Among,
        visible: int,
        vector: NDArray[np.float32],
        count: int,
    ) -> set[int]:
        values = {"vector": half(vector), "count": count, **among.values}
        graph = hnsw_name(self._store.tenant.id, among.version.generation)
        if visible <= EXACT or not tx.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": graph}):
            # Added to, the distance is no expression that an index has: all of the visible are compared.
            query = f"SELECT id FROM {PASSAGES} WHERE {among.condition} ORDER BY (embedding <#> (:vector)::halfvec) + 0 LIMIT :count"
            return set(tx.execute(text(query), values).scalars())
        tx.execute(
            text(
                "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', :ef, true), "
                "set_config('hnsw.max_scan_tuples', :most, true), set_config('enable_sort', 'off', true)"
            ),
            {"ef": str(min(1000, 2 * count)), "most": str(_MOST_SCANNED)},
        )
        size = f"halfvec({len(vector)})"
        # Tenant and generation stand in the query as they do in the index, which is partial: their names are of our making.
        query = (
            f"SELECT id FROM {PASSAGES} WHERE tenant = '{self._store.tenant.id}' AND generation = {among.version.generation} "
            f"AND {among.condition} ORDER BY (embedding::{size}) <#> (:vector)::{size} LIMIT :count"
        )
        return set(tx.execute(text(query), values).scalars())

    def rows(self, version: Version, documents: Sequence[str] | None = None) -> Iterator[list[Row]]:
        among = "" if documents is None else "AND document = ANY(:documents) "
        query = (
            f"SELECT id, acl, passage, vector_dims(embedding) AS dimension FROM {PASSAGES} WHERE generation = :generation "
            f"AND {live_at.condition} {among}AND id > :after ORDER BY id LIMIT :most"
        )
        values = {**live_at(version), "documents": list(documents or ()), "after": -1, "most": _ROWS_A_PORTION}
        with self._reading(version) as tx:
            sums = _sums(tx, version) if documents is None else None
            while found := tx.execute(text(query), values).all():
                yield [_row(row, sums) for row in found]
                values["after"] = found[-1].id

    def writer(self, generation: int, dimension: int) -> PgWriter:
        self._prepared()
        return PgWriter(self._store, generation, dimension)

    def altered(self, generation: int) -> str:
        """Nothing: Postgres looks after its files."""
        del generation
        return ""

    def generations(self) -> frozenset[int]:
        self._prepared()
        with self._store.read() as tx:
            return frozenset(tx.execute(text(f"SELECT generation FROM {STATE}")).scalars())

    def drop(self, generation: int) -> None:
        self._prepared()
        with self._store.owner() as owner:
            owner.execute(text(f"DROP INDEX IF EXISTS {hnsw_name(self._store.tenant.id, generation)}"))
        with self._store.begin_beside() as tx:
            for table in (PASSAGES, WORDS, STATE):
                tx.execute(text(f"DELETE FROM {table} WHERE generation = :generation"), {"generation": generation})
        vacuum(self._store)

    def size(self) -> int:
        self._prepared()
        query = (
            f"SELECT (SELECT coalesce(sum(pg_column_size(p.*)), 0) FROM {PASSAGES} p) "
            f"+ (SELECT coalesce(sum(pg_column_size(w.*)), 0) FROM {WORDS} w)"
        )
        with self._store.read() as tx:
            return int(tx.scalar(text(query)) or 0)

    def close(self) -> None: ...

    @contextmanager
    def _reading(self, version: Version) -> Iterator[Connection]:
        """A snapshot in which ``version`` is whole."""
        self._prepared()
        with self._store.read() as tx:
            query = f"SELECT number >= :number AND floor <= :number FROM {STATE} WHERE generation = :generation"
            if not tx.scalar(text(query), live_at(version)):
                raise Unavailable(
                    f"Version {version.number} of generation {version.generation} of the index is not there",
                    "Run: aver index verify",
                )
            yield tx

    def _prepared(self) -> None:
        if not self._ready:
            prepare(self._store)
            self._ready = True


class _Among:
    """The passages that may be proposed: alive in a version, under these reader sets, and of these documents if any are named."""

    def __init__(self, version: Version, acls: Sequence[int], documents: Sequence[str] | None) -> None:
        self.version = version
        self.condition = f"generation = :generation AND acl = ANY(:acls) AND {live_at.condition}"
        self.values: dict[str, Any] = {"acls": list(acls), **live_at(version)}
        if documents is not None:
            self.condition += " AND document = ANY(:documents)"
            self.values["documents"] = list(documents)

    def size(self, tx: Connection, most: int) -> int:
        """How many they are; ``most`` if they are that many or more."""
        query = f"SELECT count(*) FROM (SELECT 1 FROM {PASSAGES} WHERE {self.condition} LIMIT :most) AS found"
        return int(tx.scalar(text(query), {"most": most, **self.values}) or 0)

    def alive(self, tx: Connection, ranked: NDArray[np.int64], count: int) -> list[int]:
        """The first ``count`` of ``ranked`` that are among them. Postings may name passages that died since."""
        found: list[int] = []
        query = text(f"SELECT id FROM {PASSAGES} WHERE id = ANY(:ids) AND {self.condition}")
        start, portion = 0, 2 * count
        while start < len(ranked) and len(found) < count:
            some = ranked[start : start + portion].tolist()
            here = set(tx.execute(query, {"ids": some, **self.values}).scalars())
            found += [each for each in some if each in here]
            start, portion = start + portion, 4 * portion
        return found[:count]


def _postings(
    tx: Connection, version: Version, acls: Sequence[int], terms: Mapping[str, float]
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.float32]]]:
    """Passages that hold any of ``terms``, and what that weighs, a pair for each posting."""
    query = (
        f"SELECT term, ids, weights FROM {WORDS} WHERE generation = :generation AND term = ANY(:terms) "
        f"AND acl = ANY(:acls) AND {live_at.condition}"
    )
    ids, weights = [], []
    for row in tx.execute(text(query), {"terms": list(terms), "acls": list(acls), **live_at(version)}):
        ids.append(np.frombuffer(row.ids, "<i4"))
        weights.append(np.frombuffer(row.weights, np.uint8) * np.float32(terms[row.term]))
    return ids, weights


def _best(postings: tuple[list[NDArray[np.int32]], list[NDArray[np.float32]]], of_all: int = 1) -> NDArray[np.int64]:
    """The passages whose weights add up to most first; those alone that are in ``of_all`` postings."""
    ids, weights = postings
    if not ids:
        return np.empty(0, np.int64)
    passages, places, times = np.unique(np.concatenate(ids), return_inverse=True, return_counts=True)
    sums = np.bincount(places, np.concatenate(weights))
    held = np.flatnonzero(times >= of_all)
    return passages[held[np.argsort(-sums[held], kind="stable")]].astype(np.int64)


def _read(tx: Connection, version: Version, ids: Iterable[int], dimension: int) -> Candidates:
    query = f"SELECT passage FROM {PASSAGES} WHERE generation = :generation AND id = ANY(:ids)"
    found = tx.execute(text(query), {"ids": sorted(ids), **live_at(version)}).scalars()
    return candidates([bytes(passage) for passage in found], dimension)


def _row(row: Any, sums: Mapping[int, int] | None) -> Row:
    place, terms, _ = unpacked(bytes(row.passage), row.dimension)
    intact = sums is None or sums.get(row.id, 0) == sum(map(hash, set(terms.split())))
    return Row(place, row.acl, terms, intact)


def _sums(tx: Connection, version: Version) -> dict[int, int]:
    """By passage, the sum of the hashes of the terms that postings name it under."""
    sums: dict[int, int] = {}
    query = f"SELECT term, ids FROM {WORDS} WHERE generation = :generation AND {live_at.condition}"
    for row in tx.execute(text(query).execution_options(yield_per=1000), live_at(version)):
        value = hash(row.term)
        for passage in np.frombuffer(row.ids, "<i4").tolist():
            sums[passage] = sums.get(passage, 0) + value
    return sums
