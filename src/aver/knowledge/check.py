"""Does the index hold what the database says it holds? For tests, drills and the suspicious."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from aver.knowledge.index import PassageIndex, unpacked
from aver.knowledge.store import CURRENT, acls, document_versions, documents, index_state, lexicon
from aver.store import TenantStore

__all__ = ["check"]


def check(store: TenantStore, index: PassageIndex) -> list[str]:
    """What is wrong, in words; empty when documents, passages and statistics agree. Reads everything."""
    with store.read() as tx:
        version = tx.execute(select(index_state.c.version).where(index_state.c.name == CURRENT)).scalar_one_or_none()
        live = select(documents.c.id, documents.c.version, documents.c.acl).where(documents.c.acl.is_not(None))
        current = {row.id: (row.version, row.acl) for row in tx.execute(live)}
        lengths = {
            (row.document, row.version): row.length
            for row in tx.execute(
                select(
                    document_versions.c.document,
                    document_versions.c.version,
                    func.length(document_versions.c.text).label("length"),
                )
            )
        }
        kept = {row.id: (row.passages, row.tokens) for row in tx.execute(select(acls)) if row.passages or row.tokens}
        words = {(row.term, row.acl): row.passages for row in tx.execute(select(lexicon))}
    rows: list[dict[str, Any]] = [] if version is None else index.run(_rows(index, version))
    problems = [
        f"{document} has no text" for document, (number, _) in current.items() if (document, number) not in lengths
    ]
    problems += [f"{document} is gone, and its text is not" for document, _ in lengths if document not in current]
    seen: set[tuple[str, int]] = set()
    passages: Counter[int] = Counter()
    tokens: Counter[int] = Counter()
    terms: Counter[tuple[str, int]] = Counter()
    for row in rows:
        document, number, start, end, _ = row["place"]
        acl = row["acl"]
        if row["terms"] != row["scored"]:
            problems.append(f"a passage of {document} is found by other terms than it is scored by: {start}")
        if current.get(document) != (number, acl):
            problems.append(f"a passage of {document} is of version {number} under {acl}, not {current.get(document)}")
        elif not 0 <= start < end <= lengths.get((document, number), 0):
            problems.append(f"a passage of {document} is outside its text: {start}-{end}")
        if (document, start) in seen:
            problems.append(f"a passage of {document} is there twice: {start}")
        seen.add((document, start))
        found = row["terms"].split()
        passages[acl] += 1
        tokens[acl] += len(found)
        terms.update((term, acl) for term in set(found))
    counted = {acl: (count, tokens[acl]) for acl, count in passages.items()}
    if counted != kept:
        problems.append(f"the reader sets hold {counted}, and are said to hold {kept}")
    if dict(terms) != words:
        wrong = sorted(set(terms.items()) ^ set(words.items()))[:5]
        problems.append(f"the lexicon is wrong, first at {wrong}")
    return problems


async def _rows(index: PassageIndex, version: int) -> list[dict[str, Any]]:
    table = await index.at(version)
    dimension = (await table.schema()).field("vector").type.list_size
    found = await table.query().select(["acl", "terms", "passage"]).to_arrow()
    rows: list[dict[str, Any]] = found.to_pylist()
    for row in rows:
        row["place"], row["scored"], _ = unpacked(row.pop("passage"), dimension)
    return rows
