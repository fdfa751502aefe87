"""The port of an index: what Aver asks of whatever finds passages, and the little that engines share.

An index is derived: everything in it can be made again from the store. It is kept in *generations*, each made with one embedder and
one analyzer, and every change of a generation makes a *version* of it. A transaction in SQL names the version that readers open, so
readers go from one consistent state to the next, and what a crash left behind is never seen.

An engine decides neither who sees what nor how a passage scores. It is told the reader sets that a person belongs to, and proposes
passages under these and no other: **permissions before scoring**. One that cuts its list first and filters it afterwards would give
a person who may read little a worse ranking than if the rest did not exist, so it is refused (:func:`admitted`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import IndexRefused, Unavailable

__all__ = [
    "CANDIDATES",
    "Abilities",
    "Candidates",
    "Index",
    "IndexWriter",
    "Place",
    "Row",
    "Version",
    "admitted",
    "candidates",
    "merged",
    "packed",
    "unpacked",
]

CANDIDATES = 100
"""Proposed by each half, words and vectors. At 100,000 passages, recall@10 is .986 with 80, .992 with 100 and .995 with 120, and
twenty more cost a third of a millisecond to half of one (``bench/search_scale.py``). A reader of fewer passages gets every match proposed."""


class Version(NamedTuple):
    """What readers open: a generation of the index, at one of its versions."""

    generation: int
    number: int


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


class Row(NamedTuple):
    """A passage in the index. ``terms`` are those of title, section and text, joined by spaces; ``acl`` is its reader set."""

    place: Place
    acl: int
    terms: str
    intact: bool = True
    """Whether every copy that the engine keeps of it says the same; told when it is read, ignored when it is written."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages that may rank, each once, in no meaningful order: places, terms joined by spaces, and vectors of shape
    ``(len(places), dimension)``."""

    places: list[Place]
    terms: list[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an engine says of itself; the contract suite holds it to that."""

    engine: str
    filters: Literal["before scoring", "after scoring"]
    """When reader sets are applied: to what may be proposed at all, or to a list that is cut already."""


class Index(Protocol):
    """One tenant's index. Searched from any number of threads; each generation has one writer at a time."""

    abilities: Abilities

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
        """The ``count`` passages under ``acls`` nearest to ``vector``, and as many that hold ``terms`` best by the engine's own measure;
        with ``documents``, of these alone.

        ``visible`` is how many passages are under ``acls``, for the engine to choose its means by; each term comes with what it
        tells, its weight in the query times its inverse document frequency.
        Raises :class:`~aver.core.errors.Unavailable` when this version is gone: it has been replaced.
        """

    def holding(
        self,
        version: Version,
        acls: Sequence[int],
        terms: Sequence[str],
        count: int = CANDIDATES,
        documents: Sequence[str] | None = None,
    ) -> Candidates:
        """Up to ``count`` passages under ``acls`` that hold every one of ``terms`` (one or more), the best by the engine's own measure;
        with ``documents``, of these alone. Raises as :meth:`search`."""

    def rows(self, version: Version, documents: Sequence[str] | None = None) -> Iterator[list[Row]]:
        """What this version holds, of these documents or of all, in portions and in any order. Raises as :meth:`search`."""

    def writer(self, generation: int, dimension: int) -> IndexWriter:
        """How ``generation`` is written, with vectors of ``dimension``."""

    def altered(self, generation: int) -> str:
        """What of a generation was changed by somebody else, as this process can tell without reading it; empty for nothing, and where an engine
        looks after that itself."""

    def generations(self) -> frozenset[int]:
        """Those that take up space, whether or not anything names them."""

    def drop(self, generation: int) -> None:
        """Remove a generation with everything in it; nothing if it is not there. A reader in the middle of it starts again."""

    def size(self) -> int:
        """Bytes that the index takes up, as nearly as the engine can tell."""

    def close(self) -> None: ...


class IndexWriter(Protocol):
    """The one writer of a generation: use it only while holding the lock that goes with it.

    Nothing of what it does is seen before SQL names the version it made.
    """

    def begin(self, number: int | None) -> None:
        """Go back to the version that SQL names (``None``: an empty generation), dropping what a crash left after it."""

    @property
    def version(self) -> Version:
        """The newest version: the one to make current."""

    def add(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        """Append passages. ``vectors`` has a row for each."""

    def remove(self, documents: Sequence[str]) -> None:
        """Take out the passages of these documents."""

    def move(self, documents: Sequence[str], acl: int) -> None:
        """Put the passages of these documents under another reader set."""

    def keep_up(self) -> None:
        """Make searching fast again, if much was added lately: a large ingest must not slow searches down."""

    def tidy(self) -> None:
        """Leave nothing of removed passages, and everything fast to search.

        Readers see the new version once SQL names it; then call :meth:`prune`.
        """

    def prune(self) -> None:
        """Forget all versions but the newest. A reader in the middle of an older one starts again."""


def admitted(index: Index) -> Index:
    """``index`` itself; :class:`~aver.core.errors.IndexRefused` for an engine that cannot apply permissions before it scores."""
    if index.abilities.filters != "before scoring":
        raise IndexRefused(
            f"The index engine {index.abilities.engine!r} scores passages before it applies permissions, so a person who may "
            "read little would be shown a worse ranking, and which hits are missing would tell of documents that are hidden",
            "Choose an engine that filters before it scores: AVER_INDEX_ENGINE=lancedb or pgvector.",
        )
    return index


def packed(place: Place, terms: str, vector: NDArray[np.float32]) -> bytes:
    """A passage in one value. ``terms``, joined by spaces, hold no other white space."""
    return vector.astype("<f4").tobytes() + f"{terms}\n{place}".encode()


def unpacked(passage: bytes, dimension: int) -> tuple[Place, str, NDArray[np.float32]]:
    """Place, terms and vector: the inverse of :func:`packed`. Raises :class:`~aver.core.errors.Unavailable` for what that never made."""
    try:
        vector = np.frombuffer(passage, "<f4", dimension)
        terms, place = passage[vector.nbytes :].decode().split("\n", 1)
        return Place.parse(place), terms, vector
    except ValueError:
        raise _damaged() from None


def candidates(passages: Sequence[bytes], dimension: int) -> Candidates:
    """Each of these packed passages once. Raises as :func:`unpacked`."""
    distinct, size = list(dict.fromkeys(passages)), 4 * dimension
    try:
        texts = [passage[size:].decode().split("\n", 1) for passage in distinct]
        places, terms = [Place.parse(place) for _, place in texts], [terms for terms, _ in texts]
    except ValueError:
        raise _damaged() from None
    vectors = np.frombuffer(b"".join([passage[:size] for passage in distinct]), "<f4").reshape(-1, dimension)
    return Candidates(places, terms, vectors)


def _damaged() -> Unavailable:
    return Unavailable("A passage of the index is damaged", "Run: aver index verify")


def merged(several: Sequence[Candidates]) -> Candidates:
    """All of ``several`` (one or more), each place once."""
    if len(several) == 1:
        return several[0]
    places = [place for each in several for place in each.places]
    rows = sorted({place: row for row, place in reversed(list(enumerate(places)))}.values())
    terms = [text for each in several for text in each.terms]
    vectors = np.concatenate([each.vectors for each in several])
    return Candidates([places[row] for row in rows], [terms[row] for row in rows], vectors[rows])
