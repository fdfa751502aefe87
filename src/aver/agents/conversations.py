"""Conversations: rows of ids, and what of their content may be shown now.

Every reading applies today's access lists to yesterday's answers: a sentence is shown while all it cites can still be read
by the principal; an unsupported one, which may rest on any passage the model was given, while all of those can.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any, cast

from sqlalchemy import Connection, Row, func, insert, select, update

from aver.agents.store import conversations, turns
from aver.agents.types import (
    Answer,
    Citation,
    Conflict,
    Conversation,
    ConversationSummary,
    LookedAt,
    PastTurn,
    Sentence,
    TurnStatus,
    render,
)
from aver.agents.verification import Readable
from aver.core import Principal, new_id, rfc3339
from aver.core.errors import NotFound
from aver.evidence import Ledger, Step
from aver.gateway.types import Usage
from aver.store import TenantStore

__all__ = ["Conversations", "Pairs", "answer_of"]

_LISTED = 100
"""The newest conversations are listed."""
_WITHHELD = "What this answer rested on was deleted, or you may no longer read it."
_HELD_BACK = "A check held back some of what was written here."

Pairs = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Content:
    """What evidence holds of one turn. ``given`` are the document versions that its passages, and the answers before it that
    it was reminded of, came from."""

    question: str
    resolved: str
    given: Pairs
    answer: Answer | None

    @property
    def pairs(self) -> Pairs:
        if self.answer is None:
            return self.given
        beside = (conflict.other for conflict in self.answer.conflicts)
        shown: tuple[Citation | LookedAt, ...] = (*self.answer.citations, *self.answer.looked_at, *beside)
        return self.given | {(each.document, each.version) for each in shown}


class Conversations:
    """One tenant's conversations. Another's id is answered as if there were none."""

    def __init__(self, store: TenantStore, ledger: Ledger, knowledge: Readable) -> None:
        self._store = store
        self._ledger = ledger
        self._knowledge = knowledge

    def enter(
        self, tx: Connection, principal: Principal, conversation: str | None, now: datetime, new: str = ""
    ) -> str:
        """The id of a new conversation, ``new`` where that is given, or ``conversation`` itself when it is the principal's own; else
        :class:`NotFound`."""
        if conversation is not None:
            self._own(tx, principal, conversation)
            return conversation
        begun = new or new_id("conversation")
        row = {"id": begun, "owner": self._owner(principal), "created": rfc3339(now)}
        tx.execute(insert(conversations), row)
        return begun

    def add(self, tx: Connection, conversation: str, turn: str, now: datetime) -> int:
        """Append an open turn; its place in the conversation, from 1."""
        last = tx.execute(select(func.max(turns.c.ordinal)).where(turns.c.conversation == conversation)).scalar()
        row = {"id": turn, "conversation": conversation, "ordinal": (last or 0) + 1, "status": "open"}
        tx.execute(insert(turns), {**row, "created": rfc3339(now)})
        return (last or 0) + 1

    def end(self, tx: Connection, turn: str, status: TurnStatus, sealed_seq: int | None = None) -> None:
        tx.execute(update(turns).where(turns.c.id == turn).values(status=status, sealed_seq=sealed_seq))

    def listed(self, principal: Principal) -> list[ConversationSummary]:
        """The principal's own conversations, newest first; those erased are gone."""
        query = (
            select(conversations.c.id, conversations.c.created, turns.c.id.label("turn"))
            .join(turns, turns.c.conversation == conversations.c.id)
            .where(conversations.c.owner == self._owner(principal), turns.c.ordinal == 1)
            .order_by(conversations.c.id.desc())
            .limit(_LISTED)
        )
        with self._store.read() as tx:
            rows = tx.execute(query).all()
        steps = self._ledger.turns(row.turn for row in rows)
        found = ((row, _content(steps.get(row.turn, ()))) for row in rows)
        return [
            ConversationSummary(row.id, datetime.fromisoformat(row.created), content.question)
            for row, content in found
            if content
        ]

    def all(self, principal: Principal) -> Iterator[Conversation]:
        """Every conversation of the principal's, oldest first, as it may be shown now; those that were erased, or let go of, are left out."""
        mine = conversations.c.owner == self._owner(principal)
        with self._store.read() as tx:
            rows = tx.execute(select(conversations).where(mine).order_by(conversations.c.id)).all()
        for row in rows:
            past = self._past(principal, self._rows(row.id))
            if past:
                yield Conversation(row.id, datetime.fromisoformat(row.created), past)

    def conversation(self, principal: Principal, conversation: str) -> Conversation:
        """The whole of one conversation as it may be shown now; :class:`NotFound` unless it is the principal's own."""
        with self._store.read() as tx:
            own = self._own(tx, principal, conversation)
        return Conversation(
            conversation, datetime.fromisoformat(own.created), self._past(principal, self._rows(conversation))
        )

    def recent(self, principal: Principal, conversation: str, limit: int, before: str = "") -> tuple[PastTurn, ...]:
        """The last ``limit`` sealed turns, oldest first, or of those ``before`` a turn: what a follow-up may refer to."""
        known = takewhile(lambda row: row.id != before, self._rows(conversation))
        sealed = [row for row in known if row.status == "sealed"]
        return self._past(principal, sealed[-limit:] if limit else [])

    def evidence(self, principal: Principal, turn: str) -> tuple[Step, ...]:
        """The steps of one of the principal's own turns; :class:`NotFound` for any other. Where something the turn looked at
        can no longer be read, what was written about it is left out of the steps; and where checks held back some of the answer, so is
        what the model wrote. What another release would have answered rests on what that one looked at."""
        self._own_turn(principal, turn)
        return self.shown(principal, self._ledger.turn(turn))

    def shown(self, principal: Principal, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of a turn, whoever's it is, as ``principal`` may read them now, as :meth:`evidence` has it."""
        steps = tuple(self._as_read(principal, step) for step in _as_shown(steps))
        content = _content(steps)
        if content is None or content.pairs <= self._knowledge.readable(principal, sorted(content.pairs)):
            return steps
        return tuple(
            step if step.kind == "admitted" or step.body is None else replace(step, body={"withheld": _WITHHELD})
            for step in steps
        )

    def _as_read(self, principal: Principal, step: Step) -> Step:
        """A step as it is; of a shadow's answer, without it where what that one looked at may not all be read."""
        if step.kind != "shadowed" or not (step.body or {}).get("text"):
            return step
        shadow = str(step.facts.get("shadow") or "")
        content = _content(self._ledger.turns([shadow]).get(shadow, ()))
        if content is not None and content.pairs <= self._knowledge.readable(principal, sorted(content.pairs)):
            return step
        return replace(step, body={"withheld": _WITHHELD})

    def turn(self, principal: Principal, turn: str) -> PastTurn:
        """One of the principal's own turns, as it may be shown now; :class:`NotFound` for any other, and once it was erased."""
        row = self._own_turn(principal, turn)
        for past in self._past(principal, [row]):
            return past
        raise _no_turn()

    def past(self, principal: Principal, steps: Sequence[Step]) -> PastTurn | None:
        """The turn with these steps, whoever's it is, as ``principal`` may be shown it now; ``None`` once it was erased. Whether they may look at others' turns is
        asked before."""
        content = _content(steps)
        if content is None:
            return None
        ended: TurnStatus = "open"
        for step in steps:
            if step.kind in ("sealed", "failed"):
                left = step.facts.get("error") == "cancelled"
                ended = "sealed" if step.kind == "sealed" else "cancelled" if left else "failed"
        readable = self._knowledge.readable(principal, sorted(content.pairs))
        return _past_turn(steps[0].turn, steps[0].at, ended, content, readable)

    def _own_turn(self, principal: Principal, turn: str) -> Row[Any]:
        query = (
            select(turns)
            .join(conversations, turns.c.conversation == conversations.c.id)
            .where(turns.c.id == turn, conversations.c.owner == self._owner(principal))
        )
        with self._store.read() as tx:
            row = tx.execute(query).first()
        if row is None:
            raise _no_turn()
        return row

    def _own(self, tx: Connection, principal: Principal, conversation: str) -> Row[Any]:
        query = select(conversations).where(
            conversations.c.id == conversation, conversations.c.owner == self._owner(principal)
        )
        found = tx.execute(query).first()
        if found is None:
            raise NotFound(
                "There is no such conversation, or it is not yours", "Check its id, or leave it out to begin a new one."
            )
        return found

    def _owner(self, principal: Principal) -> str:
        """A name for the subject that says nothing without the tenant's key."""
        message = b"aver conversation owner\0" + principal.subject.encode()
        return hmac.digest(self._store.master_key(), message, "sha256").hex()

    def _rows(self, conversation: str) -> Sequence[Row[Any]]:
        query = select(turns).where(turns.c.conversation == conversation).order_by(turns.c.ordinal)
        with self._store.read() as tx:
            return tx.execute(query).all()

    def _past(self, principal: Principal, rows: Sequence[Row[Any]]) -> tuple[PastTurn, ...]:
        steps = self._ledger.turns(row.id for row in rows)
        contents = {row.id: content for row in rows if (content := _content(steps.get(row.id, ())))}
        pairs: Pairs = frozenset().union(*(content.pairs for content in contents.values()))
        readable = self._knowledge.readable(principal, sorted(pairs))
        return tuple(
            _past_turn(
                row.id,
                datetime.fromisoformat(row.created),
                cast(TurnStatus, row.status),
                contents[row.id],
                readable,
            )
            for row in rows
            if row.id in contents
        )


def _no_turn() -> NotFound:
    return NotFound("There is no such turn, or it is not yours", "Check the id of the turn.")


def _as_shown(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Without what a model wrote and the checks of the answer did not let through."""
    held = any(
        step.kind == "checked"
        and step.facts.get("place") == "output"
        and step.facts.get("outcome") in ("redact", "block")
        for step in steps
    )
    return tuple(
        replace(step, body={"withheld": _HELD_BACK}) if held and step.kind in ("generated", "verified") else step
        for step in steps
    )


def _past_turn(turn: str, created: datetime, status: TurnStatus, content: _Content, readable: Pairs) -> PastTurn:
    answer, withheld = content.answer, 0
    if answer is not None:
        answer, withheld = _readable_part(answer, content.given, readable)
    return PastTurn(turn, created, status, content.question, content.resolved, answer, withheld)


def _readable_part(answer: Answer, given: Pairs, readable: Pairs) -> tuple[Answer, int]:
    """The answer with what may still be shown of it, and how many sentences that leaves out."""
    looked_at = tuple(each for each in answer.looked_at if (each.document, each.version) in readable)
    if answer.abstained:
        return replace(answer, looked_at=looked_at), 0
    open_ = [(each.document, each.version) in readable for each in answer.citations]
    all_given = given <= readable
    kept = [
        sentence
        for sentence in answer.sentences
        if (all(open_[at] for at in sentence.citations) if sentence.citations else all_given)
    ]
    cited = sorted({at for sentence in kept for at in sentence.citations})
    place = {at: position for position, at in enumerate(cited)}
    sentences = tuple(replace(each, citations=tuple(place[at] for at in each.citations)) for each in kept)
    shown = replace(
        answer,
        sentences=sentences,
        citations=tuple(answer.citations[at] for at in cited),
        looked_at=looked_at,
        answer=render(sentences) or _WITHHELD,
        conflicts=tuple(
            replace(each, citation=place[each.citation])
            for each in answer.conflicts
            if each.citation in place and (each.other.document, each.other.version) in readable
        ),
        outdated=tuple(place[at] for at in answer.outdated if at in place),
    )
    return shown, len(answer.sentences) - len(kept)


def _content(steps: Iterable[Step]) -> _Content | None:
    """What the steps of a turn say; ``None`` once they are erased."""
    bodies = {step.kind: step.body for step in steps if step.body is not None}
    admitted = bodies.get("admitted")
    if admitted is None:
        return None
    retrieved = bodies.get("retrieved", {}) or {}
    responded = bodies.get("responded")
    return _Content(
        admitted["question"],
        retrieved.get("question", admitted["question"]),
        frozenset((hit["document"], hit["version"]) for hit in retrieved.get("hits", ()))
        | frozenset(
            (document, version) for hit in retrieved.get("hits", ()) for document, version in hit.get("also", ())
        )
        | frozenset((document, version) for document, version in retrieved.get("remembered", ())),
        answer_of(responded["answer"]) if responded and "answer" in responded else None,
    )


def answer_of(data: Mapping[str, Any]) -> Answer:
    """An answer as it was recorded."""
    return Answer(
        **{
            **data,
            "sentences": tuple(
                Sentence(each["text"], each["supported"], tuple(each["citations"])) for each in data["sentences"]
            ),
            "citations": tuple(Citation(**each) for each in data["citations"]),
            "looked_at": tuple(LookedAt(**each) for each in data["looked_at"]),
            "conflicts": tuple(
                Conflict(each["kind"], each["citation"], Citation(**each["other"]))
                for each in data.get("conflicts", ())
            ),
            "outdated": tuple(data.get("outdated", ())),
            "notices": tuple(data.get("notices", ())),
            "usage": Usage(**data["usage"]),
        }
    )
