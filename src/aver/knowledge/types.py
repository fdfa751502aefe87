"""Sources, documents, passages, and what searching them finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

__all__ = [
    "Block",
    "BlockKind",
    "Document",
    "DocumentText",
    "Hit",
    "IngestReport",
    "ItemFailure",
    "ParsedDocument",
    "Progress",
    "Source",
    "SourceItem",
]

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document: ``text[start:end]`` of its stored text. ``level`` is 1-6 for headings, else 0."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser makes of a file: the readable text that is stored, and its blocks in order, not overlapping."""

    title: str
    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One thing a source offers. ``path`` is stable within the source and decides the document's identity."""

    path: str
    uri: str
    size: int


class Source(Protocol):
    """Where documents come from."""

    name: str

    def items(self) -> Iterable[SourceItem]:
        """Everything the source holds now; what it held before and no longer lists is deleted."""

    def fetch(self, item: SourceItem) -> bytes:
        """The bytes of one item; raises :class:`~aver.core.errors.AverError` when it cannot be had."""


@dataclass(frozen=True, slots=True)
class ItemFailure:
    path: str
    error: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did. A document counts once; ``acl_changed`` counts documents whose readers alone changed (they
    are also in ``unchanged``, which is about content)."""

    added: int
    changed: int
    deleted: int
    unchanged: int
    failed: tuple[ItemFailure, ...]
    skipped: tuple[ItemFailure, ...]
    acl_changed: int
    passages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Document:
    """A document as listed: its current version. Who else may read it is not said: that names other people."""

    id: str
    version: int
    title: str
    uri: str
    source: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The stored text of one version: what citation offsets refer to."""

    document: str
    version: int
    title: str
    uri: str
    text: str


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
    """Told how far an ingest has come."""

    def __call__(self, done: int, total: int, path: str) -> None: ...
