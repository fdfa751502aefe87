"""What an installation's keepers need to know of a source's documents: who may read how many, and how good they are.

With a principal, only of the documents that they may read, so that what is said of the others is nothing; without one, of all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from aver.core import EVERYONE, Principal
from aver.knowledge.quality import STALE_DAYS, Judged, Quality, assess
from aver.knowledge.store import acl_readers, acls, document_origins, documents
from aver.knowledge.traits import load_traits
from aver.knowledge.visibility import visible_acls

__all__ = ["Readership", "held", "passages", "quality", "readership"]

_MOST_READERS = 50


@dataclass(frozen=True, slots=True)
class Readership:
    """How many documents everyone may read, only those who are named (users and groups), or nobody; and of each who is named, the fifty
    with the most, how many they may read."""

    everyone: int
    named: int
    nobody: int
    readers: dict[str, int]


def held(tx: Connection, principal: Principal | None = None) -> dict[str, int]:
    """How many documents each source holds."""
    counted = select(documents.c.source, func.count().label("held")).where(_seen(principal))
    return {row.source: row.held for row in tx.execute(counted.group_by(documents.c.source))}


def passages(tx: Connection) -> int:
    """How many passages can be found, of the current versions of all documents."""
    return int(tx.execute(select(func.coalesce(func.sum(acls.c.passages), 0))).scalar_one())


def readership(tx: Connection, source: str) -> Readership:
    """Who may read the documents of ``source``. It names people, so it is for those who keep the installation."""
    counted = select(documents.c.acl, func.count().label("held")).where(
        documents.c.source == source, documents.c.acl.is_not(None)
    )
    by_set = {row.acl: row.held for row in tx.execute(counted.group_by(documents.c.acl))}
    named: defaultdict[int, set[str]] = defaultdict(set)
    mine = select(documents.c.acl).where(documents.c.source == source)
    for row in tx.execute(select(acl_readers).where(acl_readers.c.acl.in_(mine))):
        named[row.acl].add(row.reader)
    everyone = sum(count for acl, count in by_set.items() if EVERYONE in named[acl])
    nobody = sum(count for acl, count in by_set.items() if not named[acl])
    readers = Counter[str]()
    for acl, count in by_set.items():
        readers.update(dict.fromkeys(named[acl] - {EVERYONE}, count))
    total = sum(by_set.values())
    return Readership(everyone, total - everyone - nobody, nobody, dict(readers.most_common(_MOST_READERS)))


def quality(
    tx: Connection, source: str, now: datetime, principal: Principal | None = None, stale_days: int = STALE_DAYS
) -> Quality:
    """How good the documents of ``source`` are, each at its current version."""
    query = (
        select(documents.c.id, documents.c.title, documents.c.path, documents.c.updated, document_origins.c.traits)
        .join(
            document_origins,
            (document_origins.c.document == documents.c.id) & (document_origins.c.version == documents.c.version),
        )
        .where(documents.c.source == source, _seen(principal))
        .order_by(documents.c.path)
    )
    judged = [
        Judged(row.id, row.title, row.path, datetime.fromisoformat(row.updated), load_traits(row.traits))
        for row in tx.execute(query)
    ]
    return assess(judged, now, stale_days)


def _seen(principal: Principal | None) -> ColumnElement[bool]:
    return documents.c.acl.is_not(None) if principal is None else documents.c.acl.in_(visible_acls(principal))
