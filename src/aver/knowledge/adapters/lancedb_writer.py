"""Writing LanceDB: each change makes a new version of the table, which readers see once SQL names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aver.knowledge.index import Row, Version, packed, unpacked

if TYPE_CHECKING:
    from aver.knowledge.adapters.lancedb import LanceIndex

__all__ = ["ROWS_A_PARTITION", "LanceWriter", "filters", "row_of"]

SMALLEST_VECTOR_INDEX = 10_000
"""Rows. Below, an exact scan of all vectors is as fast."""
ROWS_A_PARTITION = 2048
_BITS_A_DIMENSION = 4
_UNINDEXED = 8192
"""Rows that may wait for the indexes, and meanwhile are scanned."""
_DOCUMENTS_A_FILTER = 1000
_ROWS_A_COPY = 20_000
_MOST_ROUNDS = 10
_NEVER = timedelta(days=36_500)
"""LanceDB would else drop versions older than a week, the current one among them."""


class LanceWriter:
    """The writer of one table."""

    def __init__(self, index: LanceIndex, generation: int, dimension: int) -> None:
        self._index = index
        self._generation = generation
        self._schema = _schema(dimension)
        self._table: Any = None

    def begin(self, number: int | None) -> None:
        self._index.run(self._begin(number))

    async def _begin(self, number: int | None) -> None:
        if number is None:
            self._table = await self._index.create(self._generation, self._schema)
            await self._make_indexes()
            return
        self._table = await self._index.open(self._generation)
        if await self._table.version() != number:
            await self._table.checkout(number)
            await self._table.restore()

    @property
    def version(self) -> Version:
        return Version(self._generation, self._index.run(self._table.version()))

    def remove(self, documents: Sequence[str]) -> None:
        for where in filters(documents):
            self._index.run(self._table.delete(where))

    def add(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        if rows:
            self._index.run(self._table.add(self._batch(rows, vectors)))

    async def _copy_of_now(self) -> Any:
        source = await self._index.open(self._generation)
        await source.checkout(await self._table.version())
        return source

    def _batch(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> pa.Table:
        values: dict[str, list[Any]] = {
            "document": [row.place.document for row in rows],
            "acl": [row.acl for row in rows],
            "terms": [row.terms for row in rows],
            "passage": [packed(row.place, row.terms, vector) for row, vector in zip(rows, vectors, strict=True)],
        }
        columns = {name: pa.array(each, self._schema.field(name).type) for name, each in values.items()}
        flat = pa.array(vectors.ravel(), pa.float32())
        columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
        return pa.Table.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)

    def move(self, documents: Sequence[str], acl: int) -> None:
        for where in filters(documents):
            self._index.run(self._table.update({"acl": acl}, where=where))

    def keep_up(self) -> None:
        self._index.run(self._keep_up())

    async def _keep_up(self) -> None:
        waiting = max([index.num_unindexed_rows or 0 for index in await self._table.list_indices()], default=0)
        if waiting > max(_UNINDEXED, await self._table.count_rows() // 4):
            await self._refresh()

    def tidy(self) -> None:
        self._index.run(self._tidy())

    async def _tidy(self) -> None:
        if self._holds_removed_rows():
            await self._copy()
        if not list(await self._table.list_indices()):
            await self._make_indexes()
        await self._refresh()
        # One round may leave work for another. Nothing may be left for prune, which would replace the version in use.
        for _ in range(_MOST_ROUNDS):
            before = await self._table.version()
            await self._table.optimize(cleanup_older_than=_NEVER)
            if await self._table.version() == before:
                break

    async def _refresh(self) -> None:
        """Compact the files and bring every index up to date; the one of vectors by making it anew.

        Bringing that up to date in place, LanceDB splits its partitions and warns that it lost sight of some.
        """
        from lancedb.index import IvfRq

        vectors = next((index for index in await self._table.list_indices() if "vector" in index.columns), None)
        if vectors and vectors.num_unindexed_rows:
            await self._table.drop_index(vectors.name)
            vectors = None
        await self._table.optimize(cleanup_older_than=_NEVER)
        rows = await self._table.count_rows()
        if vectors is None and rows >= SMALLEST_VECTOR_INDEX:
            partitions = max(1, rows // ROWS_A_PARTITION)
            config = IvfRq(distance_type="dot", num_partitions=partitions, num_bits=_BITS_A_DIMENSION)
            await self._table.create_index("vector", config=config)

    def prune(self) -> None:
        self._index.run(self._table.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True))

    def _holds_removed_rows(self) -> bool:
        # Removed rows stay in their files, with a list of them beside, until the files are written anew.
        marks = self._index.folder(self._generation) / "_deletions"
        return marks.is_dir() and any(marks.iterdir())

    async def _copy(self) -> None:
        """Write every live row anew: compaction alone leaves files with few removed rows as they are."""
        source = await self._copy_of_now()
        mode, pending, waiting = "overwrite", [], 0
        async for batch in await source.query().to_batches():
            pending.append(batch)
            waiting += batch.num_rows
            if waiting >= _ROWS_A_COPY:
                await self._table.add(pa.Table.from_batches(pending, self._schema), mode=mode)
                mode, pending, waiting = "append", [], 0
        if pending or mode == "overwrite":
            await self._table.add(pa.Table.from_batches(pending, self._schema), mode=mode)

    async def _make_indexes(self) -> None:
        from lancedb.index import FTS, Bitmap, BTree

        words = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            max_token_length=None,
        )
        for column, config in (("acl", Bitmap()), ("document", BTree()), ("terms", words)):
            await self._table.create_index(column, config=config)


def row_of(record: Mapping[str, Any], dimension: int) -> Row:
    """A record of ``acl``, ``terms`` and ``passage`` as a row."""
    place, scored, _ = unpacked(record["passage"], dimension)
    return Row(place, record["acl"], scored, intact=scored == record["terms"])


def _schema(dimension: int) -> pa.Schema:
    """A row is a passage.

    ``passage`` is what a search reads, as :func:`~aver.knowledge.index.packed`: reading a few rows costs by the column, so that it is
    worth having terms and vectors a second time (a third less time a search of 100,000 passages).
    """
    return pa.schema(
        [
            pa.field("document", pa.string(), nullable=False),
            pa.field("acl", pa.int32(), nullable=False),
            pa.field("terms", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("passage", pa.binary(), nullable=False),
        ]
    )


def filters(documents: Sequence[str]) -> Iterator[str]:
    """Predicates that together name ``documents``; ids are of our making and hold no quotes."""
    for start in range(0, len(documents), _DOCUMENTS_A_FILTER):
        names = ", ".join(f"'{document}'" for document in documents[start : start + _DOCUMENTS_A_FILTER])
        yield f"document IN ({names})"
