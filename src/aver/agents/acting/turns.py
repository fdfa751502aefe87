"""A person's turns: which there are, how one stands, what happened in it; and ending one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import select, update

from aver.agents.acting.journal import Journal
from aver.agents.acting.reading import WITHHELD, may_read, outcome
from aver.agents.acting.store import acting
from aver.agents.acting.types import Outcome, OutcomeStatus
from aver.agents.store import turns
from aver.core import Principal
from aver.evidence import Step

__all__ = ["TurnSummary", "Turns"]

_LISTED = 100
_ENDED: Mapping[str, OutcomeStatus] = {"sealed": "answered", "failed": "failed", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class TurnSummary:
    """One of a person's turns, by what they asked for."""

    turn: str
    conversation: str
    task: str
    status: OutcomeStatus
    created: datetime


class Turns:
    """One tenant's. Blocking. Another's turn is answered as if there were none."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def listed(self, principal: Principal) -> list[TurnSummary]:
        """The principal's own turns, newest first; those erased are gone."""
        query = (
            select(acting.c.turn, acting.c.status, turns.c.conversation, turns.c.status.label("ended"), turns.c.created)
            .join(turns, turns.c.id == acting.c.turn)
            .where(acting.c.owner == self._journal.owner(principal))
            .order_by(acting.c.turn.desc())
            .limit(_LISTED)
        )
        with self._journal.store.read() as tx:
            rows = tx.execute(query).all()
        steps = self._journal.ledger.turns(row.turn for row in rows)
        found = []
        for row in rows:
            body = steps[row.turn][0].body
            if body is not None:
                status = _ENDED[row.ended] if row.status == "ended" else cast(OutcomeStatus, row.status)
                created = datetime.fromisoformat(row.created)
                found.append(TurnSummary(row.turn, row.conversation, body["question"], status, created))
        return found

    def outcome(self, principal: Principal, turn: str) -> Outcome:
        """How one's own turn stands, without its words where it rests on what its user may no longer read;
        :class:`~aver.core.errors.NotFound` for any other."""
        self._require_own(principal, turn)
        found = outcome(self._journal.read(turn))
        if may_read(principal, self._journal.ledger.turn(turn)):
            return found
        performed = tuple(replace(each, arguments={}) for each in found.performed)
        actions = tuple(replace(each, arguments={}, reason="") for each in found.actions)
        return replace(found, text=WITHHELD, output=None, performed=performed, actions=actions)

    def agent(self, principal: Principal, turn: str) -> str:
        """Whose turn it is: the name of the agent. :class:`~aver.core.errors.NotFound` for another's turn."""
        self._require_own(principal, turn)
        return self._journal.agent(turn)

    def evidence(self, principal: Principal, turn: str) -> tuple[Step, ...]:
        """The steps of one's own turn, without their content where it rests on what its user may no longer read;
        :class:`~aver.core.errors.NotFound` for any other."""
        self._require_own(principal, turn)
        return self.shown(principal, turn)

    def shown(self, principal: Principal, turn: str) -> tuple[Step, ...]:
        """The same of anybody's turn, as ``principal`` may read it now. Whether they may look at others' turns is asked before.
        :class:`~aver.core.errors.NotFound` for what is no agent's turn."""
        with self._journal.store.read() as tx:
            self._journal.row(tx, turn)
        steps = self._journal.ledger.turn(turn)
        if may_read(principal, steps):
            return steps
        asked = steps[0].body or {}
        own = {"user": asked.get("user", ""), "question": asked.get("question", ""), "withheld": WITHHELD}
        return tuple(
            step
            if step.body is None
            else replace(step, body=own if step.kind == "admitted" else {"withheld": WITHHELD})
            for step in steps
        )

    def cancel(self, principal: Principal, turn: str) -> None:
        """Let one's own turn end: nothing new is begun, and effects that can be taken back are. Whoever runs it notices within a quarter of
        a second; if it waits, it is due. Does nothing once it has ended. Raises :class:`~aver.core.errors.NotFound`."""
        with self._journal.store.begin() as tx:
            row = self._journal.own(tx, principal, turn)
            if row.status != "ended":
                tx.execute(update(acting).where(acting.c.turn == turn).values(cancelled=1, status="running"))

    def _require_own(self, principal: Principal, turn: str) -> None:
        with self._journal.store.read() as tx:
            self._journal.own(tx, principal, turn)
