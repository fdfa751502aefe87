"""What BM25 must know, kept per reader set, so that a score is computed from what its reader may read and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from aver.core import canonical_json, sha256_hex
from aver.knowledge.lexical import Statistics
from aver.knowledge.store import acl_readers, acls, lexicon

__all__ = ["Tally", "collection_statistics", "forget_statistics", "intern_acl"]


class Tally:
    """Passages that come and go in one transaction."""

    def __init__(self) -> None:
        self._passages: Counter[int] = Counter()
        self._tokens: Counter[int] = Counter()
        self._terms: Counter[tuple[str, int]] = Counter()

    def add(self, acl: int, terms: Sequence[str]) -> None:
        self._count(acl, terms, 1)

    def remove(self, acl: int, terms: Sequence[str]) -> None:
        self._count(acl, terms, -1)

    def _count(self, acl: int, terms: Sequence[str], sign: int) -> None:
        self._passages[acl] += sign
        self._tokens[acl] += sign * len(terms)
        for term in set(terms):
            self._terms[term, acl] += sign

    def apply(self, tx: Connection) -> None:
        for acl, passages in self._passages.items():
            values = {"passages": acls.c.passages + passages, "tokens": acls.c.tokens + self._tokens[acl]}
            tx.execute(update(acls).where(acls.c.id == acl).values(values))
        rows = [{"term": term, "acl": acl, "passages": n} for (term, acl), n in sorted(self._terms.items()) if n]
        if rows:
            dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
            upsert = dialect.insert(lexicon)
            summed = {"passages": lexicon.c.passages + upsert.excluded.passages}
            tx.execute(upsert.on_conflict_do_update(index_elements=lexicon.primary_key.columns, set_=summed), rows)
        fewer = [{"a_term": term, "an_acl": acl} for (term, acl), n in self._terms.items() if n < 0]
        if fewer:
            found = (lexicon.c.term == bindparam("a_term"), lexicon.c.acl == bindparam("an_acl"))
            tx.execute(delete(lexicon).where(*found, lexicon.c.passages <= 0), fewer)


def collection_statistics(tx: Connection, visible: Select[tuple[int]], terms: Iterable[str]) -> Statistics:
    """Over the passages under the reader sets ``visible``: their number, their length, and how many hold each of ``terms``."""
    totals = select(func.sum(acls.c.passages), func.sum(acls.c.tokens)).where(acls.c.id.in_(visible))
    passages, tokens = tx.execute(totals).one()
    query = (
        select(lexicon.c.term, func.sum(lexicon.c.passages))
        .where(lexicon.c.term.in_(list(terms)), lexicon.c.acl.in_(visible))
        .group_by(lexicon.c.term)
    )
    frequency = {term: int(count) for term, count in tx.execute(query)}
    return Statistics(int(passages or 0), int(tokens or 0), frequency)


def forget_statistics(tx: Connection) -> None:
    """As if there were no passages."""
    tx.execute(delete(lexicon))
    tx.execute(update(acls).values(passages=0, tokens=0))


def intern_acl(tx: Connection, readers: Iterable[str]) -> int:
    """The id of this set of readers, given on first sight."""
    distinct = sorted(set(readers))
    digest = sha256_hex(canonical_json(distinct))
    known: int | None = tx.execute(select(acls.c.id).where(acls.c.digest == digest)).scalar_one_or_none()
    if known is not None:
        return known
    acl: int = tx.execute(select(func.coalesce(func.max(acls.c.id), 0) + 1)).scalar_one()
    tx.execute(insert(acls), {"id": acl, "digest": digest, "passages": 0, "tokens": 0})
    if distinct:
        tx.execute(insert(acl_readers), [{"acl": acl, "reader": reader} for reader in distinct])
    return acl
