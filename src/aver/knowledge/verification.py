"""Does the index hold what the store says, and the reverse?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from aver.knowledge.index import Index, Row
from aver.knowledge.passages import live, spans_of
from aver.knowledge.state import pending, read_state
from aver.knowledge.store import CURRENT, acls, document_versions, lexicon
from aver.knowledge.types import Progress
from aver.store import TenantStore

__all__ = ["Verified", "verify"]

_MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying the index found."""

    documents: int
    passages: int
    """Of the index."""
    problems: tuple[str, ...]
    """In words, the first thousand; empty when documents, passages and statistics agree."""
    wrong: frozenset[str] = frozenset()
    """Documents whose passages in the index are not what the store says."""
    statistics: bool = True
    """Whether what searches are scored with is right."""

    @property
    def ok(self) -> bool:
        return not self.problems


@dataclass
class _Found:
    """What one look at everything finds."""

    problems: list[str] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    passages: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)
    terms: Counter[tuple[str, int]] = field(default_factory=Counter)

    def blame(self, document: str, problem: str) -> None:
        self.wrong.add(document)
        self.say(f"{document}: {problem}")

    def say(self, problem: str) -> None:
        if len(self.problems) < _MOST_TOLD:
            self.problems.append(problem)

    def count(self, acl: int, terms: list[str]) -> None:
        self.passages[acl] += 1
        self.tokens[acl] += len(terms)
        self.terms.update((term, acl) for term in set(terms))


def verify(store: TenantStore, index: Index, progress: Progress | None = None) -> Verified:
    """Read everything, and say what is wrong.

    What was deleted or moved a moment ago and the index is yet to be told of is not wrong: nobody is shown it any more.
    Raises :class:`~aver.core.errors.Unavailable` when the index cannot be read at all.
    """
    found = _Found()
    with store.read() as tx:
        state = read_state(tx).get(CURRENT)
        current, waiting = live(tx), pending(tx)
        kept = {row.id: (row.passages, row.tokens) for row in tx.execute(select(acls)) if row.passages or row.tokens}
        words = {(row.term, row.acl): row.passages for row in tx.execute(select(lexicon))}
        total = sum(passages for passages, _ in kept.values())
        said = _said(tx, found, current)
        seen: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        done = 0
        for rows in index.rows(state.version) if state else ():
            for row in rows:
                _look_at(row, found, seen, current, waiting)
            done += len(rows)
            if progress is not None:
                progress(done, max(total, done), "")
    for document in said.keys() | seen.keys():
        if document in current and document not in found.wrong and said.get(document, (0, 0)) != seen[document]:
            has, should = seen[document][0], said.get(document, (0, 0))[0]
            found.blame(
                document, f"{has} of its passages are in the index, and they are not the {should} it was cut into"
            )
    right = _statistics(found, kept, words)
    return Verified(len(current), done, tuple(found.problems), frozenset(found.wrong), right)


def _said(tx: Connection, found: _Found, current: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """How many passages the store says that each document has, and the sum of their hashes."""
    columns = document_versions.c
    query = select(columns.document, columns.version, columns.passages, func.length(columns.text).label("length"))
    said, texts = {}, set()
    for row in tx.execute(query.execution_options(yield_per=1000)):
        if row.document not in current:
            found.say(f"{row.document}: deleted, and its text is not")
        elif current[row.document][0] == row.version:
            texts.add(row.document)
            spans = spans_of(row.passages)
            said[row.document] = _sum(spans)
            if any(not 0 <= start < end <= row.length for start, end, _ in spans):
                found.say(f"{row.document}: a passage is outside its text")
    for document in current.keys() - texts:
        found.say(f"{document}: it has no text")
    return said


def _sum(spans: Iterable[tuple[int, int, str]]) -> tuple[int, int]:
    count = total = 0
    for span in spans:
        count += 1
        total += hash(span)
    return count, total


def _look_at(
    row: Row,
    found: _Found,
    seen: dict[str, tuple[int, int]],
    current: dict[str, tuple[int, int]],
    waiting: dict[str, int | None],
) -> None:
    document, version, *span, section = row.place
    acl = row.acl
    if document in waiting:
        if waiting[document] is None:
            return
        acl = waiting[document] or 0
    if document not in current:
        found.blame(document, "it is in the index and nowhere else")
    elif current[document] != (version, acl):
        now = current[document]
        found.blame(document, f"a passage is of version {version} under readers {acl}, not {now[0]} under {now[1]}")
    elif not row.intact:
        found.blame(document, f"a passage is found by other words than it is scored by: {span[0]}")
    count, total = seen[document]
    seen[document] = count + 1, total + hash((*span, section))
    found.count(acl, row.terms.split())


def _statistics(found: _Found, kept: dict[int, tuple[int, int]], words: dict[tuple[str, int], int]) -> bool:
    counted = {acl: (count, found.tokens[acl]) for acl, count in found.passages.items()}
    right = True
    if counted != kept:
        right = False
        wrong = sorted(acl for acl in counted.keys() | kept.keys() if counted.get(acl) != kept.get(acl))
        found.say(f"the statistics of {len(wrong)} reader sets are wrong, first of {wrong[0]}")
    if dict(found.terms) != words:
        right = False
        first = min(set(found.terms.items()) ^ set(words.items()))
        found.say(f"the word statistics are wrong, first of {first[0][0]!r} under readers {first[0][1]}")
    return right
