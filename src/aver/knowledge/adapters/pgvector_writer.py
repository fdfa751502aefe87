"""Writing pgvector: rows are born and die at the number of the version that is being made, which readers open once SQL names it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, CursorResult, text

from aver.core.errors import Unavailable
from aver.knowledge.adapters.pgvector_schema import PASSAGES, STATE, WORDS, hnsw_name
from aver.knowledge.index import Row, Version, packed, unpacked
from aver.knowledge.lexical import K1, B
from aver.store.postgres import PostgresTenantStore

__all__ = ["PgWriter", "half", "live_at", "vacuum"]

SMALLEST_GRAPH = 20_000
"""Passages of a tenant below which a scan of all of them is as good."""
_USUAL_LENGTH = 80
"""Terms of a passage that is neither long nor short, for the weights in postings: these propose, and decide nothing."""
_FULL_WEIGHT = 255
_TERMS_AT_ONCE = 2000
_MOST_PARTS = 4
"""Lists that a term may have under a reader set, on average, before they are joined."""


class _LiveAt:
    """What is alive in a version: the condition, and the values it asks for."""

    condition = "born <= :number AND (died IS NULL OR died > :number)"

    def __call__(self, version: Version) -> dict[str, Any]:
        return {"generation": version.generation, "number": version.number}


live_at = _LiveAt()


def half(vector: NDArray[np.float32]) -> str:
    """A vector as pgvector reads it, in half precision."""
    return "[" + ",".join(map(str, vector.astype(np.float16).tolist())) + "]"


class PgWriter:
    """The writer of one generation."""

    def __init__(self, store: PostgresTenantStore, generation: int, dimension: int) -> None:
        self._store = store
        self._generation = generation
        self._dimension = dimension
        self._number = 0

    def begin(self, number: int | None) -> None:
        self._number = number or 0
        with self._store.begin_beside() as tx:
            if number is None:
                for table in (PASSAGES, WORDS, STATE):
                    self._do(tx, f"DELETE FROM {table} WHERE generation = :generation")
                self._do(tx, f"INSERT INTO {STATE} (generation, number, floor, ids) VALUES (:generation, 0, 0, 0)")
                return
            newest = self._do(tx, f"SELECT number FROM {STATE} WHERE generation = :generation").scalar()
            if newest is None or newest < number:
                raise Unavailable(
                    f"Generation {self._generation} of the index is gone from the database", "Run: aver index rebuild"
                )
            if newest > number:
                for table in (PASSAGES, WORDS):
                    self._do(tx, f"DELETE FROM {table} WHERE generation = :generation AND born > :number")
                    self._do(tx, f"UPDATE {table} SET died = NULL WHERE generation = :generation AND died > :number")
                self._do(tx, f"UPDATE {STATE} SET number = :number WHERE generation = :generation")

    @property
    def version(self) -> Version:
        return Version(self._generation, self._number)

    def add(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        if rows:
            with self._next() as tx:
                self._add(tx, rows, vectors)

    def _add(self, tx: Connection, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        count = f"UPDATE {STATE} SET ids = ids + :count WHERE generation = :generation RETURNING ids"
        last = self._do(tx, count, count=len(rows)).scalar_one()
        ids = list(range(last - len(rows), last))
        self._do(
            tx,
            f"INSERT INTO {PASSAGES} (generation, id, acl, document, born, embedding, passage) "
            "SELECT :generation, id, acl, document, :number, embedding::halfvec, passage FROM unnest(CAST(:ids AS int[]), "
            "CAST(:acls AS int[]), CAST(:documents AS text[]), CAST(:vectors AS text[]), CAST(:passages AS bytea[])) "
            "AS given (id, acl, document, embedding, passage)",
            ids=ids,
            acls=[row.acl for row in rows],
            documents=[row.place.document for row in rows],
            vectors=[half(vector) for vector in vectors],
            passages=[packed(row.place, row.terms, vector) for row, vector in zip(rows, vectors, strict=True)],
        )
        postings: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        for each, row in zip(ids, rows, strict=True):
            terms = row.terms.split()
            damping = K1 * (1 - B + B * len(terms) / _USUAL_LENGTH)
            for term, times in Counter(terms).items():
                postings[term, row.acl].append((each, round(_FULL_WEIGHT * times / (times + damping))))
        self._post(tx, postings)

    def _post(self, tx: Connection, postings: Mapping[tuple[str, int], Sequence[tuple[int, int]]]) -> None:
        """Store lists of passages and weights, by term and reader set."""
        lists = sorted(postings.items())
        self._do(
            tx,
            f"INSERT INTO {WORDS} (generation, term, acl, born, ids, weights) "
            "SELECT :generation, term, acl, :number, ids, weights FROM unnest(CAST(:terms AS text[]), CAST(:acls AS int[]), "
            "CAST(:ids AS bytea[]), CAST(:weights AS bytea[])) AS given (term, acl, ids, weights)",
            terms=[term for (term, _), _ in lists],
            acls=[acl for (_, acl), _ in lists],
            ids=[np.array([each for each, _ in some], "<i4").tobytes() for _, some in lists],
            weights=[bytes(weight for _, weight in some) for _, some in lists],
        )

    def remove(self, documents: Sequence[str]) -> None:
        if documents:
            with self._next() as tx:
                self._kill(tx, documents)

    def _kill(self, tx: Connection, documents: Sequence[str]) -> None:
        named = "generation = :generation AND document = ANY(:documents) AND died IS NULL"
        self._do(tx, f"UPDATE {PASSAGES} SET died = :number WHERE {named}", documents=list(documents))

    def move(self, documents: Sequence[str], acl: int) -> None:
        if documents:
            with self._next() as tx:
                named = "generation = :generation AND document = ANY(:documents) AND died IS NULL"
                query = f"SELECT passage FROM {PASSAGES} WHERE {named} ORDER BY id"
                found = self._do(tx, query, documents=list(documents)).scalars().all()
                self._kill(tx, documents)
                if found:
                    moved = [unpacked(bytes(passage), self._dimension) for passage in found]
                    rows = [Row(place, acl, terms) for place, terms, _ in moved]
                    self._add(tx, rows, np.stack([vector for _, _, vector in moved]))

    def keep_up(self) -> None:
        """Make the graph once there are so many passages; from then on it keeps itself up."""
        graph = hnsw_name(self._store.tenant.id, self._generation)
        with self._store.read() as tx:
            valid = tx.scalar(
                text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:graph)"), {"graph": graph}
            )
            count = self._do(tx, f"SELECT count(*) FROM {PASSAGES} WHERE generation = :generation").scalar_one()
        if valid or count < SMALLEST_GRAPH:
            return
        with self._store.owner() as owner:
            if valid is not None:  # what a crash left
                owner.execute(text(f"DROP INDEX IF EXISTS {graph}"))
            owner.execute(
                text(
                    f"CREATE INDEX CONCURRENTLY {graph} ON {PASSAGES} "
                    f"USING hnsw ((embedding::halfvec({self._dimension})) halfvec_ip_ops) "
                    f"WHERE tenant = '{self._store.tenant.id}' AND generation = {self._generation}"
                )
            )

    def tidy(self) -> None:
        with self._store.read() as tx:
            query = f"SELECT id, acl, passage FROM {PASSAGES} WHERE generation = :generation AND died IS NOT NULL"
            dead = self._do(tx, query).all()
            lists = self._do(
                tx,
                f"SELECT count(*) AS kept, count(DISTINCT (term, acl)) AS needed FROM {WORDS} "
                "WHERE generation = :generation AND died IS NULL",
            ).one()
        if dead:
            self._forget(dead)
        if lists.kept > _MOST_PARTS * lists.needed:
            self._join()
        self.keep_up()

    def _forget(self, dead: Sequence[Any]) -> None:
        """Take dead passages out of the lists that name them."""
        gone = np.array([row.id for row in dead], np.int32)
        touched = {(term, row.acl) for row in dead for term in unpacked(bytes(row.passage), self._dimension)[1].split()}
        terms = sorted({term for term, _ in touched})
        for start in range(0, len(terms), _TERMS_AT_ONCE):
            some = terms[start : start + _TERMS_AT_ONCE]
            with self._next() as tx:
                found = self._do(
                    tx,
                    f"UPDATE {WORDS} SET died = :number WHERE generation = :generation AND term = ANY(:terms) "
                    "AND acl = ANY(:acls) AND died IS NULL RETURNING term, acl, ids, weights",
                    terms=some,
                    acls=sorted({acl for _, acl in touched}),
                ).all()
                left: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
                for row in found:
                    ids = np.frombuffer(row.ids, "<i4")
                    kept = ~np.isin(ids, gone)
                    weights = np.frombuffer(row.weights, np.uint8)
                    left[row.term, row.acl] += zip(ids[kept].tolist(), weights[kept].tolist(), strict=True)
                self._post(tx, {key: some for key, some in left.items() if some})

    def _join(self) -> None:
        """One list a term and reader set."""
        with self._next() as tx:
            alive = "generation = :generation AND died IS NULL AND born < :number"
            self._do(
                tx,
                f"INSERT INTO {WORDS} (generation, term, acl, born, ids, weights) "
                "SELECT generation, term, acl, :number, string_agg(ids, ''::bytea ORDER BY born, ids), "
                f"string_agg(weights, ''::bytea ORDER BY born, ids) FROM {WORDS} WHERE {alive} GROUP BY generation, term, acl",
            )
            self._do(tx, f"UPDATE {WORDS} SET died = :number WHERE {alive}")

    def prune(self) -> None:
        with self._store.begin_beside() as tx:
            for table in (PASSAGES, WORDS):
                self._do(tx, f"DELETE FROM {table} WHERE generation = :generation AND died <= :number")
            self._do(tx, f"UPDATE {STATE} SET floor = :number WHERE generation = :generation")
        vacuum(self._store)

    @contextmanager
    def _next(self) -> Iterator[Connection]:
        """The transaction of the next version."""
        with self._store.begin_beside() as tx:
            self._number += 1
            self._do(tx, f"UPDATE {STATE} SET number = :number WHERE generation = :generation")
            yield tx

    def _do(self, tx: Connection, statement: str, **values: Any) -> CursorResult[Any]:
        return tx.execute(text(statement), {"generation": self._generation, "number": self._number, **values})


def vacuum(store: PostgresTenantStore) -> None:
    """Give the room of deleted rows free. Not a rewrite, which would lock out every tenant for as long as graphs take to make."""
    with store.owner() as owner:
        owner.execute(text(f"VACUUM {PASSAGES}, {WORDS}"))
