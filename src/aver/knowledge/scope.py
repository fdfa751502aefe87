"""Which part of what a principal may read a search is about: sources, and times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from aver.core import Principal, rfc3339
from aver.core.errors import InvalidInput
from aver.knowledge.catalog import visible_documents
from aver.knowledge.store import document_versions, documents

__all__ = ["EVERYTHING", "Scope", "named", "within"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Narrows a search; it never widens what may be read. Times are aware."""

    sources: tuple[str, ...] = ()
    """Names of sources; empty for all of them."""
    documents: tuple[str, ...] = ()
    """Ids of documents; empty for all of them."""
    since: datetime | None = None
    """Documents that changed then or later."""
    as_of: datetime | None = None
    """Documents as they were then: what came later is not found, and of what changed since the version of that time."""

    def __post_init__(self) -> None:
        for moment in (self.since, self.as_of):
            if moment is not None and moment.tzinfo is None:
                raise InvalidInput(
                    f"The time {moment} says no offset", "Write it with one, as in 2026-01-31T00:00:00Z."
                )


EVERYTHING = Scope()


def within(tx: Connection, principal: Principal, scope: Scope) -> list[str] | None:
    """The documents that ``principal`` may read within ``scope``, at their current versions; ``None`` for all."""
    if scope == EVERYTHING:
        return None
    query = visible_documents(principal)
    if scope.sources:
        query = query.where(documents.c.source.in_(scope.sources))
    if scope.documents:
        query = query.where(documents.c.id.in_(scope.documents))
    if scope.since is not None:
        query = query.where(documents.c.updated >= rfc3339(scope.since))
    if scope.as_of is not None:
        newer = select(document_versions.c.document).where(
            document_versions.c.document == documents.c.id,
            document_versions.c.version == documents.c.version,
            document_versions.c.created > rfc3339(scope.as_of),
        )
        query = query.where(~newer.exists())
    return sorted(row.id for row in tx.execute(query))


def named(tx: Connection, principal: Principal, names: Sequence[str]) -> dict[str, Scope]:
    """What each of ``names`` (in lower case) calls, if anything that ``principal`` may read: documents by their title, else a source.
    Words of a source's name may be joined by spaces, hyphens or underscores."""
    titles: dict[str, list[str]] = defaultdict(list)
    query = visible_documents(principal)
    for row in tx.execute(query.where(func.lower(documents.c.title).in_(names)).order_by(documents.c.id)):
        titles[row.title.lower()].append(row.id)
    visible = query.subquery()
    sources = {_spoken(source): source for source in tx.execute(select(visible.c.source).distinct()).scalars()}
    found = {name: Scope((sources[_spoken(name)],)) for name in names if _spoken(name) in sources}
    return found | {name: Scope(documents=tuple(ids)) for name, ids in titles.items() if name in names}


def _spoken(name: str) -> str:
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())
