"""The index of passages: terms and vectors in LanceDB, read at the one version that the database names.

Every write to the table makes a version. A transaction in SQL makes one of them current, so readers go from
one consistent state to the next, and what a crash left behind is never seen.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aver.core.errors import AverError, StorageFull, Unavailable

__all__ = ["CANDIDATES", "TABLE", "Candidates", "PassageIndex", "Place", "merged", "packed", "schema", "unpacked"]

TABLE = "passages"
CANDIDATES = 100
"""Proposed by each half, words and vectors. At 100,000 passages, recall@10 is .986 with 80, .992 with 100 and .995 with 120, and
twenty more cost a third of a millisecond to half of one (``bench/search_scale.py``). A reader of fewer passages gets every match proposed."""
_ALL_PARTITIONS = 2**16
"""Every partition is scanned, as quantised codes: then what is found depends neither on how vectors cluster nor on how
few of them the reader may see."""
# The operating system's words for a full disk, a quota and a limit on file size (ENOSPC, EDQUOT, EFBIG).
_FULL = re.compile(r"os error (28|122|27)\b|No space left|quota exceeded|File too large", re.IGNORECASE)

T = TypeVar("T")


def schema(dimension: int) -> pa.Schema:
    """A row is a passage. ``terms`` are those of title, section and text, joined by spaces; ``acl`` is its reader set.

    ``passage`` is what a search reads, as :func:`packed`: reading a few rows costs by the column, so that it is worth having
    terms and vectors a second time (a third less time a search of 100,000 passages).
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


class Place(NamedTuple):
    """Where a passage stands: ``text[start:end]`` of a document's version, under the headings ``section``."""

    document: str
    version: int
    start: int
    end: int
    section: str

    def __str__(self) -> str:
        return " ".join(map(str, self[:4])) + " " + self.section

    @classmethod
    def parse(cls, text: str) -> Place:
        document, version, start, end, section = text.split(" ", 4)
        return cls(document, int(version), int(start), int(end), section)


def packed(place: Place, terms: str, vector: NDArray[np.float32]) -> bytes:
    """A passage in one value. ``terms``, joined by spaces, hold no other white space."""
    return vector.astype("<f4").tobytes() + f"{terms}\n{place}".encode()


def unpacked(passage: bytes, dimension: int) -> tuple[Place, str, NDArray[np.float32]]:
    """Place, terms and vector: the inverse of :func:`packed`."""
    vector = np.frombuffer(passage, "<f4", dimension)
    terms, place = passage[vector.nbytes :].decode().split("\n", 1)
    return Place.parse(place), terms, vector


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages that may rank, each once, in no meaningful order: places, terms joined by spaces, and vectors of shape
    ``(len(places), dimension)``."""

    places: list[Place]
    terms: list[str]
    vectors: NDArray[np.float32]


def merged(several: Sequence[Candidates]) -> Candidates:
    """All of ``several`` (one or more), each place once."""
    if len(several) == 1:
        return several[0]
    places = [place for each in several for place in each.places]
    rows = sorted({place: row for row, place in reversed(list(enumerate(places)))}.values())
    terms = [text for each in several for text in each.terms]
    vectors = np.concatenate([each.vectors for each in several])
    return Candidates([places[row] for row in rows], [terms[row] for row in rows], vectors[rows])


class PassageIndex:
    """Read access from any number of threads, over one event loop of its own. Opens nothing until it is asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Any = None
        self._open: tuple[int, Any] | None = None

    def search(
        self,
        version: int,
        acls: Sequence[int],
        vector: NDArray[np.float32],
        terms: Sequence[str],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        """The ``count`` passages under ``acls`` nearest to ``vector``, and as many that hold ``terms`` best by the index's own measure;
        with ``documents``, of these alone.

        Raises :class:`~aver.core.errors.Unavailable` when this version is gone: another process has replaced it.
        """
        return self.run(self._search(version, _predicate(acls, documents), vector, terms, count))

    def holding(
        self,
        version: int,
        acls: Sequence[int],
        terms: Sequence[str],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        """Up to ``count`` passages under ``acls`` that hold every one of ``terms``, the best first by the index's own measure; without
        ``terms``, passages of ``documents``. Raises as :meth:`search`."""
        return self.run(self._holding(version, _predicate(acls, documents), terms, count))

    async def _holding(self, version: int, where: str, terms: Sequence[str], count: int) -> Candidates:
        from lancedb.query import FullTextOperator, MatchQuery

        table = await self.at(version)
        query = table.query()
        if terms:
            every = MatchQuery(" ".join(terms), "terms", operator=FullTextOperator.AND)  # type: ignore[call-arg]
            query = query.nearest_to_text(every)
        columns = ["passage", "_score"] if terms else ["passage"]
        found = await query.where(where).select(columns).limit(count).to_arrow()
        dimension = _dimension(await table.schema())
        return _candidates([found], dimension)

    async def _search(
        self, version: int, where: str, vector: NDArray[np.float32], terms: Sequence[str], count: int
    ) -> Candidates:
        table = await self.at(version)
        # No look at the vectors themselves, as everything proposed is scored from them anyway.
        nearest = table.query().nearest_to(vector).distance_type("dot").nprobes(_ALL_PARTITIONS)
        halves = [nearest.where(where).select(["passage", "_distance"]).limit(count).to_arrow()]
        if terms:
            matching = table.query().nearest_to_text(" ".join(terms), columns=["terms"])
            halves.append(matching.where(where).select(["passage", "_score"]).limit(count).to_arrow())
        return _candidates(await asyncio.gather(*halves), len(vector))

    async def at(self, version: int) -> Any:
        """The table as of ``version``; the newest one asked for stays open."""
        held = self._open
        if held is None or held[0] != version:
            table = await self.open()
            await table.checkout(version)
            self._open = held = (version, table)
        return held[1]

    async def open(self) -> Any:
        """The table with its newest version, which may be one that no reader should see yet."""
        return await (await self.connection()).open_table(TABLE)

    async def connection(self) -> Any:
        import lancedb

        if self._connection is None:
            self._connection = await lancedb.connect_async(str(self.directory))
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
                "Check the disk and the permissions of the data directory.",
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


def _predicate(acls: Sequence[int], documents: Sequence[str] | None = None) -> str:
    """A filter that admits these reader sets and no other, with neighbouring ids as ranges to keep it short; with ``documents``, which
    are ids of our making and hold no quotes, of these sets' passages theirs alone."""
    readers = _readers(acls)
    if documents is None:
        return readers
    names = ", ".join(f"'{document}'" for document in documents)
    return f"({readers}) AND document IN ({names})" if documents else "false"


def _readers(acls: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for acl in sorted(acls):
        if runs and runs[-1][1] == acl - 1:
            runs[-1][1] = acl
        else:
            runs.append([acl, acl])
    alone = ", ".join(str(first) for first, last in runs if first == last)
    ranges = [f"(acl >= {first} AND acl <= {last})" for first, last in runs if first < last]
    return " OR ".join([f"acl IN ({alone})"] * bool(alone) + ranges) or "false"


def _dimension(schema: pa.Schema) -> int:
    return int(schema.field("vector").type.list_size)


def _candidates(halves: Sequence[pa.Table], dimension: int) -> Candidates:
    passages = dict.fromkeys(passage for half in halves for passage in half["passage"].to_pylist())
    rows = [unpacked(passage, dimension) for passage in passages]
    vectors = np.array([vector for _, _, vector in rows], np.float32).reshape(len(rows), dimension)
    return Candidates([place for place, _, _ in rows], [terms for _, terms, _ in rows], vectors)
