"""Writing the index: each change makes a new version of the table, which readers see once SQL names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from aver.knowledge.index import TABLE, PassageIndex, packed, schema, unpacked

__all__ = ["IndexWriter"]

SMALLEST_VECTOR_INDEX = 10_000
"""Rows. Below, an exact scan of all vectors is as fast."""
_ROWS_A_PARTITION = 2048
_BITS_A_DIMENSION = 4
_UNINDEXED = 8192
"""Rows that may wait for the indexes, and meanwhile are scanned."""
_DOCUMENTS_A_FILTER = 1000
_ROWS_A_COPY = 20_000
_MOST_ROUNDS = 10
_NEVER = timedelta(days=36_500)
"""LanceDB would else drop versions older than a week, the current one among them."""


class IndexWriter:
    """The one writer of a tenant's index: use it only while holding the tenant's lock on knowledge."""

    def __init__(self, index: PassageIndex, dimension: int) -> None:
        self._index = index
        self._schema = schema(dimension)
        self._table: Any = None

    def begin(self, current: int | None) -> None:
        """Go back to the version ``current`` that SQL names (``None``: an empty table), dropping what a crash left after it."""
        self._index.run(self._begin(current))

    async def _begin(self, current: int | None) -> None:
        if current is None:
            await self._create()
            return
        self._table = await self._index.open()
        if await self._table.version() != current:
            await self._table.checkout(current)
            await self._table.restore()

    async def _create(self) -> None:
        connection = await self._index.connection()
        if TABLE in (await connection.list_tables()).tables:
            await connection.drop_table(TABLE)
        self._table = await connection.create_table(TABLE, schema=self._schema)
        await self._make_indexes()

    @property
    def version(self) -> int:
        """The newest version: the one to make current."""
        version: int = self._index.run(self._table.version())
        return version

    def terms(self, documents: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Document, reader set and terms of every passage of these documents."""
        for where in _filters(documents):
            query = self._table.query().where(where).select(["document", "acl", "terms"])
            for row in self._index.run(query.to_arrow()).to_pylist():
                yield row["document"], row["acl"], row["terms"].split()

    def remove(self, documents: Sequence[str]) -> None:
        for where in _filters(documents):
            self._index.run(self._table.delete(where))

    def add(self, rows: Sequence[dict[str, Any]], vectors: Any) -> None:
        """Append passages: each its ``document``, ``acl``, ``terms`` and :class:`~aver.knowledge.index.Place` as ``place``; their vectors
        as a matrix."""
        if rows:
            self._index.run(self._table.add(self._batch(rows, vectors)))

    def overwriting(self, rows: int) -> Iterator[list[dict[str, Any]]]:
        """Empty the table, and yield what was in it, without terms and vectors, in portions of about ``rows`` to add again."""
        source = self._index.run(self._copy_of_now())
        before = self._index.run(source.schema()).field("vector").type.list_size  # with another embedder, perhaps
        empty = pa.Table.from_batches([], self._schema)
        self._index.run(self._table.add(empty, mode="overwrite"))
        query = source.query().select(["document", "acl", "passage"])
        batches = self._index.run(query.to_batches(max_batch_length=rows))
        while batch := self._index.run(_next(batches)):
            found = batch.to_pylist()
            for row in found:
                row["place"], *_ = unpacked(row.pop("passage"), before)
            yield found

    async def _copy_of_now(self) -> Any:
        source = await self._index.open()
        await source.checkout(await self._table.version())
        return source

    def _batch(self, rows: Sequence[dict[str, Any]], vectors: Any) -> pa.Table:
        values = {name: [row[name] for row in rows] for name in ("document", "acl", "terms")}
        values["passage"] = [
            packed(row["place"], row["terms"], vector) for row, vector in zip(rows, vectors, strict=True)
        ]
        columns = {name: pa.array(each, self._schema.field(name).type) for name, each in values.items()}
        flat = pa.array(vectors.ravel(), pa.float32())
        columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
        return pa.Table.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)

    def move(self, documents: Sequence[str], acl: int) -> None:
        """Put the passages of these documents under another reader set."""
        for where in _filters(documents):
            self._index.run(self._table.update({"acl": acl}, where=where))

    def keep_up(self) -> None:
        """Index the rows that were added lately, when they are many: a large ingest must not slow searches down."""
        self._index.run(self._keep_up())

    async def _keep_up(self) -> None:
        waiting = max([index.num_unindexed_rows or 0 for index in await self._table.list_indices()], default=0)
        if waiting > max(_UNINDEXED, await self._table.count_rows() // 4):
            await self._refresh()

    def tidy(self) -> None:
        """Few files, fresh indexes, and nothing of removed passages in either.

        Readers see the new version once SQL names it; then call :meth:`prune`.
        """
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
            partitions = max(1, rows // _ROWS_A_PARTITION)
            config = IvfRq(distance_type="dot", num_partitions=partitions, num_bits=_BITS_A_DIMENSION)
            await self._table.create_index("vector", config=config)

    def prune(self) -> None:
        """Delete the files of all versions but the newest. A reader in the middle of an older one starts again."""
        self._index.run(self._table.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True))

    def _holds_removed_rows(self) -> bool:
        # Removed rows stay in their files, with a list of them beside, until the files are written anew.
        marks = self._index.directory / f"{TABLE}.lance" / "_deletions"
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


async def _next(batches: Any) -> pa.RecordBatch | None:
    return await anext(batches, None)


def _filters(documents: Sequence[str]) -> Iterator[str]:
    """Predicates that together name ``documents``; ids are of our making and hold no quotes."""
    for start in range(0, len(documents), _DOCUMENTS_A_FILTER):
        names = ", ".join(f"'{document}'" for document in documents[start : start + _DOCUMENTS_A_FILTER])
        yield f"document IN ({names})"
