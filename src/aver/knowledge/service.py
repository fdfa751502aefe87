"""What a tenant knows: take documents in, search them, show them, remove them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from sqlalchemy import func, select

from aver.core import Clock, Principal
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.settings import ParserSettings
from aver.evidence import Ledger
from aver.gateway.types import Embedder
from aver.knowledge import catalog, retrieval
from aver.knowledge.access import AccessList
from aver.knowledge.adapters.lancedb import LanceIndex
from aver.knowledge.changes import Changes
from aver.knowledge.index import Index, admitted
from aver.knowledge.ingest import Ingest
from aver.knowledge.layout import Spot, spots
from aver.knowledge.life import IndexLife
from aver.knowledge.lineage import Origin, original_of, origins, versions_of
from aver.knowledge.originals import ORIGINALS, Originals
from aver.knowledge.parsers import Parsers
from aver.knowledge.recipes import Embedders
from aver.knowledge.scope import EVERYTHING, Scope, named
from aver.knowledge.search import Searcher
from aver.knowledge.store import acls
from aver.knowledge.types import Document, DocumentText, Hit, IngestReport, Progress, Source
from aver.store import TenantStore

__all__ = ["Knowledge"]

_TIDY_AT_ONCE = 50_000
"""Passages up to which a deletion cleans the disk before it returns: a second or two. Above, the next ingest does."""
_DRAWN_AT_ONCE = 2
"""Pages of one tenant: each takes a process for a second."""
_WIDTH = 1200
"""Pixels of a page's picture."""
_DRAWING = ParserSettings(seconds=20, memory_mb=2048, processes=1)
_PATIENCE = 2.0
"""Seconds that a deletion waits to be told to the index too."""


class Knowledge:
    """The knowledge of one tenant. Blocking; searches may run in any number of threads while others ingest.

    ``embedder`` makes new indexes; ``others`` read what was made with them before. ``index`` is LanceDB in the tenant's directory
    unless another is given; :class:`~aver.core.errors.IndexRefused` for one that cannot apply permissions before it scores. Without
    ``keep_originals`` the files that documents with pages come from are not kept.
    """

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        embedder: Embedder,
        clock: Clock,
        parser: ParserSettings | None = None,
        index: Index | None = None,
        others: Sequence[Embedder] = (),
        *,
        keep_originals: bool = True,
        halt: Callable[[str], None] = lambda _: None,
        keep: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """``halt`` raises :class:`~aver.core.errors.Stopped` where nothing of the source of this name is to be taken in any more, ``keep`` raises where
        one of these documents may not be deleted by hand."""
        self._store = store
        self._ledger = ledger
        self._embedders = Embedders((embedder, *others))
        self._clock = clock
        self._parser = parser
        self._keep_originals = keep_originals
        self._originals = Originals(store.directory / ORIGINALS)
        self._halt = halt
        self._keep = keep
        self._drawing = BoundedSemaphore(_DRAWN_AT_ONCE)
        self._index = admitted(index or LanceIndex(store.directory / "index"))
        self._searcher = Searcher(store, self._index, self._embedders)
        self.index = IndexLife(store, ledger, self._embedders, clock, self._index)
        """Its life: verify, repair, snapshots, rebuild."""

    def ingest(
        self,
        source: Source,
        acl: AccessList | None = None,
        *,
        passwords: Sequence[str] = (),
        progress: Progress | None = None,
        whole: bool = False,
        alone: bool = False,
    ) -> IngestReport:
        """Bring the documents of ``source`` to what it holds now, readable as the source itself says, or else ``acl``.

        A source that can list what changed is asked for that alone, unless ``whole`` or with other rules of access. ``passwords`` are
        tried on documents that are encrypted, and kept nowhere. Without ``acl`` a source keeps the access list it was last given; a new
        one begins with everyone of the tenant.

        Deletions and changed readers are visible at once, content in steps of about a thousand passages. An item that
        fails keeps its previous version and is reported; the others go on. Cut off at any moment, what is visible is
        consistent, and another run completes it. Nothing of removed content is left in the index's files or in the database's
        when this returns.

        Raises :class:`~aver.core.errors.Conflict` while another process ingests this source (``alone``: the caller is within
        :meth:`alone_with` it), :class:`~aver.core.errors.StorageFull`, what the source raises when it cannot be listed, and
        :class:`~aver.core.errors.Stopped` once nothing is to be taken in: what was deleted or has other readers by then is.
        """
        started = self._clock.monotonic()
        with nullcontext() if alone else self.alone_with(source.name), Parsers(self._parser) as parsers:
            ingest = Ingest(
                self._store,
                parsers,
                source,
                acl,
                passwords,
                progress,
                whole=whole,
                clock=self._clock,
                originals=self._originals,
                keep_originals=self._keep_originals,
                halt=partial(self._halt, source.name),
            )
            self.index.renew()
            changes = self._changes()
            report = ingest.run(changes)
            changes.tidy()
        return replace(report, seconds=self._clock.monotonic() - started)

    def alone_with(self, source: str) -> AbstractContextManager[None]:
        """Within this block nobody else ingests, or removes, the source of this name; :class:`~aver.core.errors.Conflict` while somebody is."""
        return self._store.lock(f"source {source}")

    def search(
        self, principal: Principal, query: str, limit: int = 8, scope: Scope = EVERYTHING, *, made_with: str = ""
    ) -> list[Hit]:
        """The passages that answer ``query`` best, of those ``principal`` may read; see :meth:`Searcher.search`."""
        return self._searcher.search(principal, query, limit, scope, made_with)

    def find(
        self,
        principal: Principal,
        queries: Sequence[str],
        limit: int = 8,
        scope: Scope = EVERYTHING,
        *,
        made_with: str = "",
    ) -> list[Hit]:
        """The passages for a question and its other wordings: near-duplicates as one, not all from one document where there is a choice.
        See :func:`~aver.knowledge.retrieval.find`."""
        return retrieval.find(self._searcher, principal, queries, limit, scope, made_with)

    def expanded(self, principal: Principal, hits: Sequence[Hit], tokens: int) -> list[Hit]:
        """``hits`` with the text around them; see :func:`~aver.knowledge.retrieval.expanded`."""
        return retrieval.expanded(hits, self, principal, tokens)

    def named(self, principal: Principal, names: Sequence[str]) -> dict[str, Scope]:
        """Those of ``names`` (in lower case) that are the title of a document or the name of a source that ``principal`` may read."""
        if not names:
            return {}
        with self._store.read() as tx:
            return named(tx, principal, names)

    def current(self, principal: Principal, documents: Iterable[str]) -> dict[str, int]:
        """The current version of those of ``documents`` that ``principal`` may read."""
        with self._store.read() as tx:
            found = catalog.current_versions(tx, principal, documents)
        return {document: version for document, (version, _, _) in found.items()}

    def sources_of(self, documents: Iterable[str]) -> dict[str, str]:
        """The name of the source of each of these documents, whoever may read it. For those who keep the installation."""
        with self._store.read() as tx:
            return catalog.sources_of(tx, documents)

    def state(self) -> str:
        """What tells this state of the documents from any other, for whoever keeps what was found in it. For those who keep the installation."""
        with self._store.read() as tx:
            return catalog.current_state(tx)

    def documents(self, principal: Principal) -> list[Document]:
        """Every document this principal may read, by title."""
        with self._store.read() as tx:
            return catalog.list_documents(tx, principal)

    def document(
        self, principal: Principal, document: str, version: int | None = None, *, blocks: bool = False
    ) -> DocumentText:
        """The stored text of a version, by default the current one; with its ``blocks`` if they are asked for.

        Raises :class:`~aver.core.errors.NotFound`, whether it is absent or not this principal's to read.
        """
        with self._store.read() as tx:
            return catalog.read_document(tx, principal, document, version, blocks=blocks)

    def passages(self, principal: Principal, document: str) -> list[tuple[int, int, str]]:
        """Where the current version was cut into what is searched: start, end and section of each passage, in order.

        Raises :class:`~aver.core.errors.NotFound` as :meth:`document`.
        """
        with self._store.read() as tx:
            return catalog.passage_spans(tx, principal, document)

    def locate(self, principal: Principal, document: str, version: int, start: int, end: int) -> tuple[Spot, ...]:
        """Where in its source ``text[start:end]`` of a version stands: boxes on pages, or anchors; see :func:`layout.spots`.

        Raises :class:`~aver.core.errors.NotFound` as :meth:`document`, and :class:`~aver.core.errors.InvalidInput` for a span outside
        of the text.
        """
        found = self.document(principal, document, version, blocks=True)
        if not 0 <= start < end <= len(found.text):
            raise InvalidInput(
                f"There is no span {start} to {end} in a text of {len(found.text)} characters",
                "Take start and end from a citation.",
            )
        return spots(found.blocks, start, end)

    def picture(self, principal: Principal, document: str, version: int, page: int) -> bytes:
        """A page (from 1) of the file that a version came from, as a PNG 1200 pixels wide, upright: what boxes are fractions of.

        Takes about a second, in a process of its own. Raises :class:`~aver.core.errors.NotFound` as :meth:`document`, and where no original
        is kept or it has no such page; :class:`~aver.core.errors.InvalidInput` for one that cannot be drawn, such as an encrypted one.
        """
        data = self._originals.read(self._original(principal, document, version))
        if data is None:
            raise NotFound("The original of this version is not kept", "Read its text.")
        with self._drawing, Parsers(_DRAWING, entry="aver.knowledge.drawing") as parsers:
            return parsers.draw(data, page, _WIDTH)

    def has_original(self, principal: Principal, document: str, version: int) -> bool:
        """Whether :meth:`picture` can show pages of a version. Raises :class:`~aver.core.errors.NotFound` as :meth:`document`."""
        return bool(self._original(principal, document, version))

    def origin(self, principal: Principal, document: str, version: int) -> Origin:
        """Where a version came from. Raises :class:`~aver.core.errors.NotFound` as :meth:`document`."""
        with self._store.read() as tx:
            catalog.visible_document(tx, principal, document)
            found = origins(tx, [(document, version)])
        if not found:
            raise NotFound("The document has no such version", "Leave the version out for the current one.")
        return found[document, version]

    def versions(self, document: str) -> Sequence[Origin]:
        """Where every version of a document came from; none of one that is not there. For those who keep the installation: it asks for
        nobody's permission, and tells no text."""
        with self._store.read() as tx:
            return versions_of(tx, document)

    def _original(self, principal: Principal, document: str, version: int) -> str:
        with self._store.read() as tx:
            catalog.visible_document(tx, principal, document)
            return original_of(tx, document, version)

    def readable(self, principal: Principal, pairs: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Those of ``pairs`` (document, version) that this principal may read right now."""
        with self._store.read() as tx:
            return catalog.readable_versions(tx, principal, pairs)

    def delete(self, principal: Principal, document: str) -> None:
        """Remove a document with all its versions, for everyone, at once.

        It comes back with the next ingest if its source still holds it. Of a tenant with more than 50,000 passages, and while an ingest
        or a rebuild goes on, the index's files keep the words of the deleted passages, which nothing reads any more, until the
        end of an ingest. Raises :class:`~aver.core.errors.NotFound` as :meth:`document`.
        """
        with self._store.read() as tx:
            catalog.visible_document(tx, principal, document)
            passages = tx.execute(select(func.sum(acls.c.passages))).scalar_one() or 0
        self._keep([document])
        changes = self._changes()
        changes.delete([document], {"documents": [document]}, by=principal.subject)
        with suppress(Conflict):  # whoever holds the lock tells the index, with their next change or at their end
            (changes.tidy if passages <= _TIDY_AT_ONCE else changes.settle)(patience=_PATIENCE)

    def forget(self, documents: Sequence[str], why: Mapping[str, Any]) -> None:
        """Remove documents with all their versions, as :meth:`delete`, for a reason that evidence is told. Asks nobody's permission."""
        changes = self._changes()
        changes.delete(documents, {**why, "documents": list(documents)})
        with suppress(Conflict):
            changes.tidy(patience=_PATIENCE)

    def check(self) -> list[str]:
        """What :meth:`IndexLife.verify` finds wrong, in words; empty when all is well."""
        return list(self.index.verify().problems)

    def close(self) -> None:
        """Let go of the index's files."""
        self._index.close()

    def _changes(self) -> Changes:
        return Changes(self._store, self._ledger, self._embedders, self._clock, self._index)
