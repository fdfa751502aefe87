"""Legal holds: what may neither be let go nor erased while a matter is open, whatever else is declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import insert, select, update

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger, Step
from aver.governance.progress import start_over
from aver.governance.store import holds
from aver.store import TenantStore

__all__ = ["Held", "Hold", "Holds", "Preserved", "Texts"]

_LONGEST = 2000
_MOST = 1000


class Held(Conflict):
    """A legal hold keeps it from being erased, deleted or let go."""

    slug = "held"

    def __init__(self, what: str, hold: str) -> None:
        super().__init__(
            f"{what} is under the legal hold {hold}, and is kept until that is released",
            "Ask whoever answers for the matter; an admin releases it: aver hold release.",
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """``users`` are those whose content is kept, ``documents`` the ids of documents that are, with the turns that rest on them."""

    id: str
    matter: str
    reason: str
    users: tuple[str, ...]
    documents: tuple[str, ...]
    by: str
    placed: datetime
    released: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preserved:
    """A document's text as it stands when a hold is placed."""

    document: str
    version: int
    title: str
    text: str


class Texts(Protocol):
    """Where the texts of documents are."""

    def current(self, documents: Sequence[str]) -> Sequence[Preserved]:
        """The current version of each of these that is there. Asks nobody's permission."""


class Holds:
    """One tenant's. Blocking."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, texts: Texts) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._texts = texts

    def place(self, matter: str, reason: str, *, users: Iterable[str], documents: Iterable[str], by: str) -> Hold:
        """From now on nothing of these users and documents goes. The documents' texts of now are kept with the hold, in case a source takes them away.

        Raises :class:`~aver.core.errors.InvalidInput` where nothing is named, and :class:`~aver.core.errors.NotFound` for a document that is not there.
        """
        people, kept = tuple(sorted(set(users))), tuple(sorted(set(documents)))
        for each in people:
            user_reader(each)
        if not people and not kept:
            raise InvalidInput("The hold is about nobody and nothing", "Name users, documents or both.")
        if len(people) + len(kept) > _MOST:
            raise InvalidInput(f"A hold names at most {_MOST:,} users and documents", "Place several.")
        body = {"matter": _words(matter, "matter"), "reason": _words(reason, "reason"), "by": by}
        texts = self._texts.current(kept)
        missing = sorted(set(kept) - {each.document for each in texts})
        if missing:
            raise NotFound(f"There is no document {missing[0][:60]!r}", "List them: aver documents list.")
        hold, now = new_id("hold"), self._clock.now()
        facts = {"event": "placed", "users": len(people), "documents": len(kept)}
        drafts = [Draft(hold, "held", None, facts, {**body, "names": list(people), "ids": list(kept)})]
        for text in texts:
            said = {"event": "preserved", "document": text.document, "version": text.version}
            drafts.append(Draft(hold, "held", None, said, {"title": text.title, "text": text.text}))
        with self._store.begin() as tx:
            tx.execute(insert(holds), {"id": hold, "placed": rfc3339(now), "released": ""})
            self._ledger.append_all(tx, drafts)
        return Hold(hold, matter.strip(), reason.strip(), people, kept, by, now)

    def release(self, hold: str, reason: str, *, by: str) -> Hold:
        """Let retention and erasure go on. Raises :class:`~aver.core.errors.NotFound`, and :class:`~aver.core.errors.Conflict` where that
        was done."""
        body = {"reason": _words(reason, "reason"), "by": by}
        with self._store.begin() as tx:
            known = holds.c.id == hold
            row = tx.execute(select(holds).where(known)).one_or_none() if hold.isprintable() else None
            if row is None:
                raise NotFound("There is no such hold, or it is not yours", "See which there are: aver hold list.")
            if row.released:
                raise Conflict("The hold is released already", "See which there are: aver hold list.")
            tx.execute(update(holds).where(known).values(released=rfc3339(self._clock.now())))
            start_over(tx)  # what it kept may be due
            self._ledger.append_all(tx, [Draft(hold, "held", None, {"event": "released"}, body)])
        return self.one(hold)

    def one(self, hold: str) -> Hold:
        """Raises :class:`~aver.core.errors.NotFound`."""
        for each in self._read(holds.c.id == hold) if hold.isprintable() else ():
            return each
        raise NotFound("There is no such hold, or it is not yours", "See which there are: aver hold list.")

    def all(self) -> list[Hold]:
        """Oldest first, those that were released among them."""
        return self._read()

    def standing(self) -> list[Hold]:
        """Those that hold now, oldest first."""
        return self._read(holds.c.released == "")

    def check_user(self, user: str) -> None:
        """Raises :class:`Held` where a hold keeps this user's content."""
        for each in self.standing():
            if user.casefold() in {name.casefold() for name in each.users}:
                raise Held("What is kept of this person", each.id)

    def check_documents(self, documents: Iterable[str]) -> None:
        """Raises :class:`Held` where a hold keeps one of these documents."""
        wanted = set(documents)
        for each in self.standing():
            if not wanted.isdisjoint(each.documents):
                raise Held("The document", each.id)

    def _read(self, *conditions: Any) -> list[Hold]:
        with self._store.read() as tx:
            rows = tx.execute(select(holds).where(*conditions).order_by(holds.c.id)).all()
        if not rows:
            return []
        told = self._ledger.turns(row.id for row in rows)
        return [_hold(row, told.get(row.id, ())) for row in rows]


def _hold(row: Any, steps: Sequence[Step]) -> Hold:
    said = next((step.body for step in steps if step.facts.get("event") == "placed" and step.body), {})
    return Hold(
        row.id,
        said.get("matter", ""),
        said.get("reason", ""),
        tuple(said.get("names", ())),
        tuple(said.get("ids", ())),
        said.get("by", ""),
        datetime.fromisoformat(row.placed),
        datetime.fromisoformat(row.released) if row.released else None,
    )


def _words(text: str, what: str) -> str:
    written = text.strip()
    try:
        written.encode()
    except UnicodeEncodeError:
        written = ""
    if not written or len(written) > _LONGEST or "\0" in written:
        raise InvalidInput(f"A hold has a {what} of 1 to {_LONGEST:,} characters", "Say in a few words what it is.")
    return written
