"""The journal of acting turns: their evidence, and beside it one row each that says who may go on with them.

What is recorded and what is applied are one transaction under the lease: whoever lost the lease can record nothing any more, and so
begin nothing, because an effect is recorded as intended before it is brought about.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from aver.agents.acting.state import State
from aver.agents.acting.store import acting
from aver.agents.pin import Pin
from aver.core import Clock, Principal, new_id, rfc3339
from aver.core.errors import Conflict, NotFound
from aver.evidence import Draft, Ledger
from aver.store import TenantStore

__all__ = ["Journal", "Lease", "no_turn"]

_MOST_DUE = 100


@dataclass(slots=True)
class Lease:
    """The right to go on with one turn. ``fence`` rises with every taking; ``sure_until`` is on the clock of this process."""

    turn: str
    fence: int
    sure_until: float

    @property
    def sure(self) -> bool:
        """Whether nobody else can have taken it by now, as far as this process can tell."""
        return time.monotonic() < self.sure_until


class Journal:
    """One tenant's. Blocking. ``seconds`` is how long a lease holds without being renewed: as long as a turn waits when its process died.
    The clocks of replicas may differ by less than that."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, seconds: float = 15.0) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.seconds = seconds
        self._holder = new_id("process")

    def owner(self, principal: Principal) -> str:
        """A name for whose turn it is that says nothing without the tenant's key."""
        message = b"aver acting owner\0" + principal.subject.encode()
        return hmac.digest(self.store.master_key(), message, "sha256").hex()

    def admit(self, tx: Connection, principal: Principal, draft: Draft) -> None:
        """Begin a turn by its first step, held by nobody yet."""
        row = {"turn": draft.turn, "owner": self.owner(principal), "status": "running"}
        tx.execute(insert(acting), {**row, "holder": "", "fence": 0, "until": "", "cancelled": 0, "actions": 0})
        self.ledger.append_all(tx, [draft])

    def take(self, turn: str) -> tuple[Lease, State]:
        """Hold the turn and read where it stands. Raises :class:`Conflict` while another holds it, and :class:`NotFound`."""
        began = time.monotonic()
        now = self.clock.now()
        with self.store.begin() as tx:
            row = self.row(tx, turn)
            if row.holder and row.until > rfc3339(now):
                raise Conflict("Another process is at this turn", "Wait for it, or ask how the turn stands.")
            until = rfc3339(now + timedelta(seconds=self.seconds))
            values = {"holder": self._holder, "fence": row.fence + 1, "until": until}
            tx.execute(update(acting).where(acting.c.turn == turn).values(values))
        return Lease(turn, row.fence + 1, began + self.seconds), self.read(turn)

    def renew(self, lease: Lease) -> None:
        """Hold it for longer. Raises :class:`Conflict` when another has taken it."""
        with self.store.begin() as tx:
            self._hold(tx, lease)

    def release(self, lease: Lease) -> None:
        """Let others have it, if it is still held."""
        with self.store.begin() as tx:
            mine = (acting.c.turn == lease.turn, acting.c.fence == lease.fence)
            tx.execute(update(acting).where(*mine).values(holder="", until=""))

    def record(
        self,
        lease: Lease,
        state: State,
        drafts: Sequence[Draft],
        beside: Callable[[Connection], None] | None = None,
        **columns: Any,
    ) -> None:
        """Append ``drafts``, do what is ``beside`` them and set ``columns`` of the turn's row, all or nothing; then apply them to
        ``state``. Raises :class:`Conflict` when another has taken the turn."""
        with self.store.begin() as tx:
            self._hold(tx, lease, **columns)
            self.ledger.append_all(tx, drafts)
            if beside is not None:
                beside(tx)
        state.apply((draft.kind, draft.facts, _object(draft)) for draft in drafts)

    def read(self, turn: str) -> State:
        """Where the turn stands by its evidence."""
        state = State(turn)
        state.apply((step.kind, step.facts, step.body) for step in self.ledger.turn(turn))
        return state

    def agent(self, turn: str) -> str:
        """The name of the agent whose turn it is."""
        return str(self.ledger.turn(turn)[0].facts["feature"])

    def pin(self, turn: str) -> Pin:
        """The release that the turn was begun under, and is brought to its end under."""
        return Pin.of(self.ledger.turn(turn)[0].facts)

    def row(self, tx: Connection, turn: str) -> Row[Any]:
        """The row of a turn; :class:`NotFound` where there is none."""
        found = tx.execute(select(acting).where(acting.c.turn == turn)).one_or_none()
        if found is None:
            raise no_turn()
        return found

    def own(self, tx: Connection, principal: Principal, turn: str) -> Row[Any]:
        """The row of one of the principal's own turns; :class:`NotFound` for any other."""
        found = self.row(tx, turn)
        if principal.tenant != self.store.tenant.id or found.owner != self.owner(principal):
            raise no_turn()
        return found

    def cancelled(self, turn: str) -> bool:
        """Whether its owner wants it to end."""
        with self.store.read() as tx:
            return bool(self.row(tx, turn).cancelled)

    def due(self) -> list[str]:
        """The turns that could go on and that nobody holds, oldest first."""
        free = or_(acting.c.holder == "", acting.c.until <= rfc3339(self.clock.now()))
        query = select(acting.c.turn).where(acting.c.status == "running", free).order_by(acting.c.turn)
        with self.store.read() as tx:
            return list(tx.execute(query.limit(_MOST_DUE)).scalars())

    def _hold(self, tx: Connection, lease: Lease, **columns: Any) -> None:
        began = time.monotonic()
        until = rfc3339(self.clock.now() + timedelta(seconds=self.seconds))
        mine = (acting.c.turn == lease.turn, acting.c.fence == lease.fence)
        held = tx.execute(update(acting).where(*mine).values(until=until, **columns))
        if held.rowcount != 1:
            raise _taken_over()
        lease.sure_until = began + self.seconds


def _object(draft: Draft) -> Any:
    if isinstance(draft.body, bytes):  # a call's record, which says nothing of where the turn stands
        return {}
    return draft.body


def no_turn() -> NotFound:
    return NotFound("There is no such turn, or it is not yours", "Check the id of the turn.")


def _taken_over() -> Conflict:
    return Conflict("Another process has taken over this turn", "Ask how the turn stands.")
