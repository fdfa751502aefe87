"""The access log: who read what, from the evidence of turns and of looks outside of them, and who could.

A turn records the passages that it found for its user; what else is read is a step ``accessed``, and a look at somebody else's turn a step
``inspected``. The log is a reading of these, so nobody can write it anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from aver.core.clock import rfc3339
from aver.core.errors import NotFound
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger, Step
from aver.evidence.clear import ClearStep, place_of, steps_of_kinds
from aver.governance.passages import passages_of
from aver.knowledge.store import acl_readers, documents
from aver.store import TenantStore

__all__ = ["Access", "AccessLog", "Readership", "accessed"]

_KINDS = ("retrieved", "accessed", "inspected")
_STEPS = 2000
_MOST_NAMED = 200
ERASED = ""
"""The name of whoever was erased, or whose name was let go of."""


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody read something. ``what`` is what a step ``accessed`` says, ``passages`` for those found in a turn, and ``turn`` for a look at
    another's; ``user`` is empty once they were erased. ``turn`` is the one it happened in or that was looked at."""

    seq: int
    at: datetime
    user: str
    what: str
    surface: str
    documents: tuple[str, ...]
    turn: str


@dataclass(frozen=True, slots=True)
class Readership:
    """Who may read a document now: reader tokens, as in its access list."""

    document: str
    title: str
    source: str
    readers: tuple[str, ...]


def accessed(
    turn: str, user: str, what: str, surface: str, documents: Sequence[tuple[str, int]] = (), about: str = ""
) -> Draft:
    """The step that says so. ``documents`` are pairs of id and version, of which the first 200 are named; ``about`` is the id of what else
    was read."""
    named = list(dict.fromkeys(documents))[:_MOST_NAMED]
    facts = {
        "what": what,
        "surface": surface,
        "documents": [document for document, _ in named],
        "versions": [version for _, version in named],
        "about": about or None,
    }
    return Draft(turn, "accessed", user_reader(user), facts, {"user": user})


class AccessLog:
    """One tenant's. Blocking."""

    def __init__(self, store: TenantStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def entries(
        self,
        *,
        user: str | None = None,
        document: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        most: int = 200,
    ) -> list[Access]:
        """The first ``most`` behind a number of the chain, oldest first; of one user, of one document, from a moment on."""
        own = self._accesses(self._batches(user, since, after), document, most)
        if user is None:
            return list(islice(own, most))
        # A look at another's turn stands under the tenant's key, so that it outlives whoever looked.
        inspected = self._of(("inspected",), *self._from(since, after), None)
        theirs = (each for each in self._accesses(inspected, document, most) if each.user == user)
        return list(islice(heapq.merge(own, theirs, key=attrgetter("seq")), most))

    def _accesses(self, batches: Iterable[list[ClearStep]], document: str | None, most: int) -> Iterator[Access]:
        for some in batches:
            wanted = [each for each in some if document is None or document in passages_of(each.facts)]
            for start in range(0, len(wanted), most):
                yield from self._opened(wanted[start : start + most])

    def looks(self, most: int) -> list[Access]:
        """The first ``most`` looks at the turns of others."""
        return list(
            islice((each for some in self._of(("inspected",), "", 0, None) for each in self._opened(some)), most)
        )

    def _batches(self, user: str | None, since: datetime | None, after: int) -> Iterator[list[ClearStep]]:
        subject = None
        if user is not None:
            reader = user_reader(user)
            with self._store.read() as tx:
                subject = self._ledger.subject_ids(tx, [reader]).get(reader)
            if subject is None:
                return
        yield from self._of(_KINDS, *self._from(since, after), subject)

    def _from(self, since: datetime | None, after: int) -> tuple[str, int]:
        """The moment and the place in the chain from which to read."""
        if since is None:
            return "", after
        return rfc3339(since), max(after, place_of(self._store, since))

    def _of(self, kinds: Sequence[str], since: str, after: int, subject: str | None) -> Iterator[list[ClearStep]]:
        while some := steps_of_kinds(self._store, kinds, after, _STEPS, since=since, subject=subject):
            yield some
            after = some[-1].seq

    def _opened(self, found: Sequence[ClearStep]) -> Iterator[Access]:
        told = self._ledger.turns({each.turn for each in found})
        for each in found:
            steps = told.get(each.turn, ())
            own = next((step for step in steps if step.seq == each.seq), None)
            yield Access(
                each.seq,
                datetime.fromisoformat(each.at),
                _user(own, steps),
                _what(each, own),
                _said(each, own, "surface") or ("turn" if each.kind == "retrieved" else ""),
                tuple(sorted(passages_of(each.facts))),
                _about(each, own),
            )

    def readership(self, document: str) -> Readership:
        """Who may read it now. Raises :class:`~aver.core.errors.NotFound` where it is not there, or is there no more."""
        row, readers = None, list[str]()
        if document.isprintable():
            with self._store.read() as tx:
                row = tx.execute(select(documents).where(documents.c.id == document)).one_or_none()
                if row is not None and row.acl is not None:
                    own = acl_readers.c.acl == row.acl
                    readers = list(
                        tx.execute(select(acl_readers.c.reader).where(own).order_by(acl_readers.c.reader)).scalars()
                    )
        if row is None or row.acl is None:
            raise NotFound(
                "There is no such document", "Take the id from a citation, or list them: aver documents list."
            )
        return Readership(document, row.title, row.source, tuple(readers))


def _user(own: Step | None, steps: Sequence[Step]) -> str:
    for step in (own, *steps):
        if step is not None and step.body:
            name = step.body.get("user") or step.body.get("by")
            if isinstance(name, str) and name:
                return name
    return ERASED


def _what(each: ClearStep, own: Step | None) -> str:
    named = {"retrieved": "passages", "inspected": "turn"}
    return named.get(each.kind) or _said(each, own, "what") or "document"


def _about(each: ClearStep, own: Step | None) -> str:
    if each.kind == "retrieved":
        return each.turn
    return _said(each, own, "about") or _said(each, own, "turn") or (each.turn if each.kind == "inspected" else "")


def _said(each: ClearStep, own: Step | None, name: str) -> str:
    body: Mapping[str, Any] = (own.body if own else None) or {}
    value = each.facts.get(name) or body.get(name)
    return value if isinstance(value, str) else ""
