"""Sources, documents, passages, and what searching them finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from aver.core.errors import AverError

__all__ = [
    "WHOLE",
    "Block",
    "BlockKind",
    "Box",
    "CursorExpired",
    "Document",
    "DocumentText",
    "Hit",
    "IngestReport",
    "ItemFailure",
    "Page",
    "ParsedDocument",
    "Progress",
    "Remembering",
    "Source",
    "SourceItem",
]

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "caption"]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom as fractions 0 to 1 of a page's width and height, from its upper left corner."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
"""All of a page, such as a slide whose text stands where its layout puts it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document, or the part of one that stands in one place: ``text[start:end]`` of its stored text.

    Units stand apart by a blank line. What stands in several places, such as a paragraph that goes on in the next column or
    the rows of a sheet, is several blocks of one kind with at most one white space between them.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """1 to 6 for a heading, else 0."""
    page: int = 0
    """From 1; 0 in formats without pages."""
    box: Box | None = None
    """On that page."""
    anchor: str = ""
    """Where in a source without pages: ``Sheet1!A2:D2``, ``slide 3``, the id of an HTML element, ``L10-L20``."""
    header: bool = False
    """Whether these rows of a table name its columns."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser makes of a file: the readable text that is stored, and its blocks in order, not overlapping."""

    title: str
    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One thing a source offers. ``path`` is stable within the source and decides the document's identity; its ending tells the
    format where the content leaves that open. ``uri`` is where a person opens it. ``size`` is in bytes, 0 if unknown.

    ``revision`` is what the source itself calls this state of the content (an entity tag, a version number, a commit): an item whose
    revision is known already is not fetched again. Empty when the source has no such thing; then its bytes are compared.

    ``readers`` are those that the source's own permissions name, as reader tokens; empty for nobody. ``None`` when the source has no
    permissions: then the access list given to the ingest decides.

    ``changed`` is the moment, aware, from which on the content was this, by the source's own account: then a question as of a date is
    answered by it. ``None`` when the source does not say; then it is the moment it was taken in.
    """

    path: str
    uri: str
    size: int = 0
    revision: str = ""
    readers: tuple[str, ...] | None = None
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing. ``gone`` are the paths of items that no longer exist.

    ``cursor`` of the last page says where to go on another time: from it, only what changed since then is listed. Empty when the
    source can only list everything.
    """

    items: tuple[SourceItem, ...] = ()
    gone: tuple[str, ...] = ()
    cursor: str = ""


class CursorExpired(AverError):
    """The source no longer knows a cursor: everything has to be listed again."""

    slug, status = "cursor-expired", 410


class Source(Protocol):
    """Where documents come from. ``name`` tells it from the tenant's other sources. Blocking; used by one thread at a time."""

    name: str

    def pages(self, cursor: str) -> Iterator[Page]:
        """What the source holds now, when ``cursor`` is empty: whatever it does not list is deleted. Otherwise what was added, changed
        (in content or in permissions) or removed since the listing whose last page bore ``cursor``.

        Complete, or it raises: what could not be seen is never left out in silence. Raises :class:`CursorExpired` where it cannot go
        on from ``cursor``, and an :class:`~aver.core.errors.AverError` where it cannot list.
        """

    def fetch(self, item: SourceItem) -> bytes:
        """The bytes of one item; raises :class:`~aver.core.errors.AverError` when it cannot be had."""


@runtime_checkable
class Remembering(Protocol):
    """A :class:`Source` that still has what its items were before."""

    def past(self, item: SourceItem, since: str) -> Sequence[SourceItem]:
        """What ``item``, as it was just listed, was before, oldest first, to be fetched like any other; each says when it ``changed``.
        ``since`` is the revision that is held already: only what came after it. Empty for all that the source remembers."""


@dataclass(frozen=True, slots=True)
class ItemFailure:
    path: str
    error: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did. A document counts once; ``acl_changed`` counts documents whose readers alone changed (they
    are also in ``unchanged``, which is about content). ``complete``: everything that the source listed was had,
    or never will be."""

    added: int
    changed: int
    deleted: int
    unchanged: int
    failed: tuple[ItemFailure, ...]
    skipped: tuple[ItemFailure, ...]
    acl_changed: int
    passages: int
    seconds: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A document as listed: its current version. Who else may read it is not said: that names other people."""

    id: str
    version: int
    title: str
    uri: str
    source: str
    path: str
    """Where in its source."""
    updated: datetime


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The stored text of one version: what citation offsets refer to. ``blocks`` is empty where only the text was asked for."""

    document: str
    version: int
    title: str
    uri: str
    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found: ``DocumentText.text[start:end] == text``. ``score`` in [0, 1] is the fused score; ``bm25`` is the raw
    BM25 score and ``cosine`` the similarity in [-1, 1], both computed only from what the principal may read."""

    passage: str
    document: str
    version: int
    start: int
    end: int
    title: str
    uri: str
    section: str
    text: str
    score: float
    bm25: float
    cosine: float
    also: tuple[tuple[str, int], ...] = ()
    """Other documents (id, version) with a passage that says the same, which was left out for this one."""


class Progress(Protocol):
    """Told how far a long piece of work has come."""

    def __call__(self, done: int, total: int, path: str) -> None: ...
