"""LanceDB, the built-in engine: a table a generation in the tenant's own directory.

Every write to a table makes a version of it, which can be opened until its files are pruned.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aver.core.errors import AverError, StorageFull, Unavailable
from aver.knowledge.adapters import lancedb_library
from aver.knowledge.adapters.lancedb_writer import ROWS_A_PARTITION, LanceWriter, filters, row_of
from aver.knowledge.index import CANDIDATES, Abilities, Candidates, Row, Version, candidates

__all__ = ["LanceIndex"]

_TABLE = "passages_"
_PARTITIONS = 100
"""Of :data:`ROWS_A_PARTITION` passages each, that are scanned at most, as quantised codes: up to some 200,000 passages that is every one, so
that what is found depends neither on how vectors cluster nor on how few of them the reader may see."""
_FEW = 30_000
"""Visible passages above which, of an index of which a part alone is scanned, more are proposed, as the best are then less sure to be among the
first hundred of either half: 160 of 100,000 and 400 of a million. Of a million, recall@10 of the whole search is .986 so, .972 with 100
for who sees a tenth of them, and .970 with 250 for who sees all; with twice the partitions a half of a hundredth more, for 3 to 7 ms."""
_MANY = 50_000
"""Visible passages above which the most telling words alone propose passages."""
_TERMS = 10
"""How many these are. Recall is the same with 48, for twice the work; what is proposed is scored by all of them."""
_ROWS_A_PORTION = 8192
_HINT = "latest_version_hint.json"
_SETTLED_NS = 10 * 10**9
"""After which a file that nobody writes any more is whole."""
# The operating system's words for a full disk, a quota and a limit on file size (ENOSPC, EDQUOT, EFBIG).
_FULL = re.compile(r"os error (28|122|27)\b|No space left|quota exceeded|File too large", re.IGNORECASE)

T = TypeVar("T")


class LanceIndex:
    """Read access from any number of threads, over one event loop of its own. Opens nothing until it is asked."""

    abilities = Abilities("lancedb", filters="before scoring")

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Any = None
        self._open: tuple[Version, Any] | None = None
        self._rows: tuple[Version, int] | None = None
        self._files: dict[str, tuple[int, int, int]] = {}
        self._files_of = 0

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
        if visible > _MANY:
            terms = dict(sorted(terms.items(), key=lambda each: (-each[1], each[0]))[:_TERMS])
        size = self.run(self._size(version))
        # Who sees every row needs no filter, which for that many is a third of the work.
        where = None if documents is None and visible == size else _predicate(acls, documents)
        if size > _PARTITIONS * ROWS_A_PARTITION:
            count = round(count * max(1.0, visible / _FEW) ** 0.4)
        return self.run(self._search(version, where, vector, terms, count))

    def holding(
        self,
        version: Version,
        acls: Sequence[int],
        terms: Sequence[str],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        return self.run(self._holding(version, _predicate(acls, documents), terms, count))

    async def _holding(self, version: Version, where: str, terms: Sequence[str], count: int) -> Candidates:
        table = await self.at(version)
        from lancedb.query import FullTextOperator, MatchQuery

        every = MatchQuery(" ".join(terms), "terms", operator=FullTextOperator.AND)  # type: ignore[call-arg]
        query = table.query().nearest_to_text(every).where(where).select(["passage", "_score"]).limit(count)
        found = await query.to_arrow()
        return candidates(found["passage"].to_pylist(), (await table.schema()).field("vector").type.list_size)

    async def _search(
        self, version: Version, where: str | None, vector: NDArray[np.float32], terms: Mapping[str, float], count: int
    ) -> Candidates:
        table = await self.at(version)
        # No look at the vectors themselves, as everything proposed is scored from them anyway.
        nearest = table.query().nearest_to(vector).distance_type("dot").nprobes(_PARTITIONS)
        halves = [nearest.select(["passage", "_distance"])]
        if terms:
            matching = table.query().nearest_to_text(" ".join(terms), columns=["terms"])
            halves.append(matching.select(["passage", "_score"]))
        admitted = halves if where is None else [half.where(where) for half in halves]
        found = await asyncio.gather(*(half.limit(count).to_arrow() for half in admitted))
        return candidates([passage for half in found for passage in half["passage"].to_pylist()], len(vector))

    def rows(self, version: Version, documents: Sequence[str] | None = None) -> Iterator[list[Row]]:
        table, dimension = self.run(self._with_dimension(version))
        for where in ["true"] if documents is None else filters(documents):
            query = table.query().where(where).select(["acl", "terms", "passage"])
            batches = self.run(query.to_batches(max_batch_length=_ROWS_A_PORTION))
            while (batch := self.run(_next(batches))) is not None:
                yield [row_of(record, dimension) for record in batch.to_pylist()]

    async def _with_dimension(self, version: Version) -> tuple[Any, int]:
        # A table of its own: what searches have open stays open.
        held = self._open
        table = held[1] if held and held[0] == version else await self._opened(version)
        return table, (await table.schema()).field("vector").type.list_size

    def writer(self, generation: int, dimension: int) -> LanceWriter:
        return LanceWriter(self, generation, dimension)

    def altered(self, generation: int) -> str:
        """LanceDB writes each file once, but for a hint of the newest version. One that is another than when it was first seen was written by
        somebody else; one that is gone may have been tidied away."""
        folder, settled = self.folder(generation), time.time_ns() - _SETTLED_NS
        seen = self._files if self._files_of == generation else {}
        found: dict[str, tuple[int, int, int]] = {}
        for path, status in _files(folder):
            known = str(path.relative_to(folder)) in seen
            # What is fresh and was never seen may still be on its way, by another process.
            if path.name != _HINT and (known or status.st_mtime_ns < settled):
                found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns, status.st_ino)
        changed = [name for name, each in found.items() if seen.get(name, each) != each]
        # What was changed stays so until there is another generation.
        self._files, self._files_of = {**found, **{name: seen[name] for name in changed}}, generation
        return f"{len(changed)} of its files were changed, first {changed[0]}" if changed else ""

    def generations(self) -> frozenset[int]:
        found = self.directory.glob(f"{_TABLE}*.lance") if self.directory.is_dir() else ()
        return frozenset(int(path.stem.removeprefix(_TABLE)) for path in found)

    def drop(self, generation: int) -> None:
        shutil.rmtree(self.folder(generation), ignore_errors=True)

    def size(self) -> int:
        return sum(status.st_size for _, status in _files(self.directory))

    async def at(self, version: Version) -> Any:
        """The table as of ``version``; the one asked for last stays open."""
        held = self._open
        if held is None or held[0] != version:
            self._open = held = (version, await self._opened(version))
        return held[1]

    async def _size(self, version: Version) -> int:
        """How many rows it has."""
        held = self._rows
        if held is None or held[0] != version:
            self._rows = held = (version, await (await self.at(version)).count_rows())
        return held[1]

    async def _opened(self, version: Version) -> Any:
        table = await self.open(version.generation)
        await table.checkout(version.number)
        return table

    async def open(self, generation: int) -> Any:
        """The table with its newest version, which may be one that no reader should see yet."""
        return await (await self.connection()).open_table(f"{_TABLE}{generation}")

    async def create(self, generation: int, schema: pa.Schema) -> Any:
        """An empty table, in place of what is there."""
        self.drop(generation)
        return await (await self.connection()).create_table(f"{_TABLE}{generation}", schema=schema)

    def folder(self, generation: int) -> Path:
        return self.directory / f"{_TABLE}{generation}.lance"

    async def connection(self) -> Any:
        if self._connection is None:
            self._connection = await lancedb_library.load().connect_async(str(self.directory))
        return self._connection

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` on the index's event loop; its failures come out as errors of Aver."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running_loop()).result()
        except AverError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            if _FULL.search(str(error)):
                raise StorageFull(
                    "The disk that holds the index is full; what was shown before still is",
                    "Free some space and retry.",
                ) from error
            raise Unavailable(
                f"The index in {self.directory} cannot be read or written: {str(error).splitlines()[0][:300]}",
                "Check the disk and the permissions of the data directory, then run: aver index verify.",
            ) from error

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="index", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()
            self._loop = self._connection = self._open = None


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Those within ``folder``, but for what is tidied away while they are gone through."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                if stat.S_ISREG((status := path.stat()).st_mode):
                    yield path, status


async def _next(batches: Any) -> pa.RecordBatch | None:
    return await anext(batches, None)


def _predicate(acls: Sequence[int], documents: Sequence[str] | None = None) -> str:
    """A filter that admits these reader sets and no other; with ``documents``, which are ids of our making and hold no quotes, of these
    sets' passages theirs alone."""
    readers = _readers(acls)
    if documents is None:
        return readers
    names = ", ".join(f"'{document}'" for document in documents)
    return f"({readers}) AND document IN ({names})" if documents else "false"


def _readers(acls: Sequence[int]) -> str:
    """Neighbouring ids as ranges, to keep it short."""
    runs: list[list[int]] = []
    for acl in sorted(acls):
        if runs and runs[-1][1] == acl - 1:
            runs[-1][1] = acl
        else:
            runs.append([acl, acl])
    alone = ", ".join(str(first) for first, last in runs if first == last)
    ranges = [f"(acl >= {first} AND acl <= {last})" for first, last in runs if first < last]
    return " OR ".join([f"acl IN ({alone})"] * bool(alone) + ranges) or "false"
