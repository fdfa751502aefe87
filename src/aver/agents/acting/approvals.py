"""Approvals: what waits for a person, shown as it is, and their answer, which is evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from aver.agents.acting.journal import Journal
from aver.agents.acting.showing import legible, visible
from aver.agents.acting.store import acting, approvals, standing_decisions
from aver.agents.store import turns
from aver.core import Principal, new_id, rfc3339
from aver.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from aver.core.principal import user_reader
from aver.evidence import Draft, Step, StepKind
from aver.policy import Action, Effect, Origin, Reversal, action_from
from aver.policy.requests import leaves

__all__ = ["Approval", "ApprovalStatus", "Approvals", "Asking", "Standing"]

ApprovalStatus = Literal["pending", "approved", "rejected", "expired", "withdrawn"]

_LISTED = 200
_LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that waits, or waited, for a person. ``arguments`` are exactly those it will be made with; ``shown`` the same with every
    character written out that cannot be seen, and ``warnings`` what in them would mislead a reader. ``origins`` says of each argument, by
    its path, where it came from."""

    id: str
    status: ApprovalStatus
    turn: str
    conversation: str
    action: str
    asker: str
    tool: str
    effects: tuple[Effect, ...]
    reversal: Reversal | None
    arguments: Mapping[str, Any]
    shown: Any
    warnings: tuple[str, ...]
    reason: str
    policies: tuple[str, ...]
    origins: Mapping[str, tuple[Origin, ...]]
    task: str
    """What the user had asked for."""
    expires: datetime
    role: str
    """Who decides: somebody else with this role; empty for the asker."""

    def leaves(self) -> Iterator[tuple[str, Any, Sequence[Origin]]]:
        """Each value of the arguments as it is shown, by its path, with where it came from."""
        for path, value in leaves(self.arguments):
            yield visible(path), visible(value) if isinstance(value, str) else value, self.origins.get(path, ())


@dataclass(frozen=True, slots=True)
class Standing:
    """An answer that holds for longer than its call: in one conversation, or (without one) always."""

    id: str
    outcome: Literal["allow", "deny"]
    conversation: str
    approval: str


@dataclass(frozen=True, slots=True)
class Asking:
    """How often people are asked: of ``actions`` that policy decided, ``asked`` went to a person, who answered as the rest counts."""

    actions: int
    asked: int
    approved: int
    rejected: int
    expired: int
    withdrawn: int
    pending: int

    @property
    def rate(self) -> float:
        """Of the actions, those that were asked about, from 0 to 1."""
        return self.asked / self.actions if self.actions else 0.0


class Approvals:
    """One tenant's. Blocking. A turn whose last question is answered is due again: whoever looks for such goes on with it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def pending(self, principal: Principal, most: int = _LISTED) -> list[Approval]:
        """What ``principal`` may decide on now, oldest first, of the first ``most``."""
        self._here(principal)
        self.expire()
        mine = approvals.c.owner == self._journal.owner(principal)
        theirs = or_((approvals.c.role == "") & mine, approvals.c.role.in_(sorted(principal.roles)) & ~mine)
        query = select(approvals).where(approvals.c.status == "pending", theirs).order_by(approvals.c.id)
        with self._journal.store.read() as tx:
            rows = tx.execute(query.limit(most)).all()
        return [shown for row in rows if (shown := self._shown(principal, row)) is not None]

    def show(self, principal: Principal, approval: str) -> Approval:
        """One that is, or was, the principal's to decide, or that they wait for; :class:`NotFound` for any other, and once it was erased."""
        self._here(principal)
        self.expire()
        with self._journal.store.read() as tx:
            row = self._row(tx, principal, approval)
        found = self._shown(principal, row)
        if found is None:
            raise _no_approval()
        return found

    def approve(
        self, principal: Principal, approval: str, scope: Literal["once", "conversation"] = "once", reason: str = ""
    ) -> str:
        """Let the call be made, or also those like it in the same conversation: the same tool aimed at the same targets, asked about by
        the same rules, with arguments from the same kinds of origin. The turn that goes on.

        Raises :class:`NotFound` for what is not there, or not theirs to decide, :class:`Forbidden` for one's own call that a second
        person approves, :class:`Conflict` for what is decided, expired or withdrawn, :class:`InvalidInput`.
        """
        if scope not in ("once", "conversation"):
            raise InvalidInput(f"There is no approval for {scope!r:.40}", "Approve once, or for the conversation.")
        facts = {"scope": scope}
        return self._answer(principal, approval, "approved", facts, reason, "allow" if scope == "conversation" else "")

    def reject(self, principal: Principal, approval: str, *, never: bool = False, reason: str = "") -> str:
        """Let the call not be made; with ``never``, nor any by that tool at those targets for the same user, ever. Raises as
        :meth:`approve`."""
        return self._answer(principal, approval, "rejected", {"never": never}, reason, "deny" if never else "")

    def expire(self) -> int:
        """End what nobody answered in time; how many."""
        overdue = (approvals.c.status == "pending", approvals.c.expires <= rfc3339(self._journal.clock.now()))
        with self._journal.store.read() as tx:
            if tx.execute(select(approvals.c.id).where(*overdue).limit(1)).first() is None:
                return 0
        with self._journal.store.begin() as tx:
            rows = tx.execute(select(approvals).where(*overdue).order_by(approvals.c.id)).all()
            for row in rows:
                self._settle(tx, row, "expired")
            drafts = [self._draft(row, self._asker(row), "expired", {}, {}) for row in rows]
            self._journal.ledger.append_all(tx, drafts)
        return len(rows)

    def standing(self, principal: Principal) -> list[Standing]:
        """The principal's own answers that hold for longer."""
        table = standing_decisions
        query = select(table).where(table.c.owner == self._journal.owner(principal)).order_by(table.c.id)
        with self._journal.store.read() as tx:
            return [
                Standing(row.id, cast(Any, row.outcome), row.conversation, row.approval) for row in tx.execute(query)
            ]

    def lift(self, principal: Principal, standing: str) -> None:
        """Be asked again; :class:`NotFound` for what is not the principal's own."""
        table = standing_decisions
        mine = (table.c.id == standing, table.c.owner == self._journal.owner(principal))
        with self._journal.store.begin() as tx:
            if tx.execute(delete(table).where(*mine)).rowcount == 0:
                raise NotFound("There is no such decision, or it is not yours", "List them.")

    def asking(self) -> Asking:
        """How often people of this tenant were asked."""
        with self._journal.store.read() as tx:
            actions = tx.execute(select(func.coalesce(func.sum(acting.c.actions), 0))).scalar_one()
            counts = tx.execute(select(approvals.c.status, func.count()).group_by(approvals.c.status))
            of = {row.status: row[1] for row in counts}
        kinds = ("approved", "rejected", "expired", "withdrawn", "pending")
        return Asking(int(actions), sum(of.values()), *(of.get(kind, 0) for kind in kinds))

    def _answer(
        self, principal: Principal, approval: str, kind: StepKind, facts: Mapping[str, Any], reason: str, stands: str
    ) -> str:
        self._here(principal)
        if len(reason) > _LONGEST_REASON:
            raise InvalidInput(f"The reason has {len(reason)} characters of {_LONGEST_REASON}", "Shorten it.")
        self.expire()
        with self._journal.store.begin() as tx:
            row = self._theirs(tx, principal, approval)
            if kind == "approved" and not self._may_look(principal, row):
                raise _no_approval()
            if row.status != "pending":
                raise Conflict(f"This approval is {row.status} already", "See what became of its turn.")
            if stands == "allow" and row.role:
                raise InvalidInput("What a second person approves is approved once", "Approve it once.")
            self._settle(tx, row, kind)
            if stands:
                self._stand(tx, row, stands)
            body = {"by": principal.user, "reason": reason}
            self._journal.ledger.append_all(tx, [self._draft(row, self._asker(row), kind, facts, body)])
        return cast(str, row.turn)

    def _theirs(self, tx: Connection, principal: Principal, approval: str) -> Row[Any]:
        row = self._row(tx, principal, approval)
        if row.role and row.owner == self._journal.owner(principal):
            raise Forbidden("A second person approves calls like this one", f"Ask somebody with the role {row.role!r}.")
        return row

    def _row(self, tx: Connection, principal: Principal, approval: str) -> Row[Any]:
        row = tx.execute(select(approvals).where(approvals.c.id == approval)).one_or_none()
        if row is not None and (row.owner == self._journal.owner(principal) or row.role in principal.roles):
            return row
        raise _no_approval()

    def _settle(self, tx: Connection, row: Row[Any], status: str) -> None:
        """Nobody is asked any more, and the turn that waited may go on."""
        tx.execute(update(approvals).where(approvals.c.id == row.id).values(status=status))
        waits = (acting.c.turn == row.turn, acting.c.status == "waiting")
        tx.execute(update(acting).where(*waits).values(status="running"))

    def _stand(self, tx: Connection, row: Row[Any], outcome: str) -> None:
        conversation = ""
        if outcome == "allow":
            conversation = tx.execute(select(turns.c.conversation).where(turns.c.id == row.turn)).scalar_one()
        digest = row.scope if outcome == "allow" else row.aim
        values = {"id": new_id("standing"), "owner": row.owner, "conversation": conversation, "digest": digest}
        tx.execute(insert(standing_decisions), {**values, "outcome": outcome, "approval": row.id})

    def _draft(
        self, row: Row[Any], asker: str | None, kind: StepKind, facts: Mapping[str, Any], body: Mapping[str, Any]
    ) -> Draft:
        return Draft(row.turn, kind, asker, {"action": row.action, "approval": row.id, **facts}, body)

    def _asker(self, row: Row[Any]) -> str | None:
        """Whose turn it is, by its evidence; nobody once that was erased."""
        body = self._journal.ledger.turn(row.turn)[0].body
        return user_reader(body["user"]) if body else None

    def _decided(self, row: Row[Any]) -> tuple[Step, Step] | None:
        """The turn's first step, and the newest decision about the call; nothing once they are erased."""
        steps = self._journal.ledger.turn(row.turn)
        mine = [step for step in steps if step.kind == "decided" and step.facts["action"] == row.action]
        return (steps[0], mine[-1]) if mine and steps[0].body is not None and mine[-1].body is not None else None

    def _may_look(self, principal: Principal, row: Row[Any]) -> bool:
        """Whether ``principal`` may read all that the call carries; of what is erased there is nothing left to read."""
        found = self._decided(row)
        return found is None or _readable(principal, action_from((found[1].body or {})["action"]))

    def _shown(self, principal: Principal, row: Row[Any]) -> Approval | None:
        """Nothing where it was erased, or carries what ``principal`` may not read: nobody approves what they cannot look at."""
        found = self._decided(row)
        if found is None:
            return None
        admitted, decided = found
        said, told = admitted.body or {}, decided.body or {}
        asked = action_from(told["action"])
        if not _readable(principal, asked):
            return None
        shown, warnings = legible(asked.arguments)
        return Approval(
            row.id,
            row.status,
            row.turn,
            admitted.facts["conversation"],
            row.action,
            said["user"],
            asked.tool,
            tuple(sorted(asked.annotations.effects)),
            asked.annotations.reversal,
            asked.arguments,
            shown,
            tuple(warnings),
            told["reason"],
            tuple(_texts(decided.facts["policies"])),
            {path: tuple(several) for path, several in asked.origins.items()},
            said["question"],
            datetime.fromisoformat(row.expires),
            row.role,
        )

    def _here(self, principal: Principal) -> None:
        if principal.tenant != self._journal.store.tenant.id:
            raise NotFound("There is no such tenant, or it is not yours", "Ask as a user of this tenant.")


def _readable(principal: Principal, asked: Action) -> bool:
    labels = (origin.readers for several in asked.origins.values() for origin in several)
    return all(readers is None or readers & principal.readers for readers in labels)


def _no_approval() -> NotFound:
    return NotFound("There is no such approval, or it is not yours to give", "List what waits for you.")


def _texts(values: Sequence[Any]) -> list[str]:
    return [each for each in values if isinstance(each, str)]
