"""Mitigations of one tenant: each allowed at its moment, on record before and after, done of itself at most once an incident, and undone by one word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from aver.core.clock import Clock, rfc3339
from aver.core.errors import AverError, Conflict, Forbidden, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.evidence.facts import clear_name
from aver.ops import store as tables
from aver.ops.mitigation.actions import filled, kind_of, read_action
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Action, Actor, Mitigation, Prepared, Status
from aver.policy.access import check
from aver.store import TenantStore

__all__ = ["MitigationDesk"]

_LONGEST = 500


class MitigationDesk:
    """Blocking, thread-safe. ``ports`` is asked anew for each action: what is declared may be another by then."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, ports: Callable[[], Ports]) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ports = ports

    def prepare(self, action: Action, labels: Mapping[str, str] | None = None) -> Prepared:
        """A dry run: what the action would do, by its ``said``. Raises what keeps it from being done."""
        ready = filled(action, labels or {})
        return kind_of(ready).prepare(self._ports(), ready.given)

    def ready(self, action: Action, labels: Mapping[str, str]) -> Action:
        """The action with what is known of what it refers to; the rest as it is written."""
        try:
            return filled(action, labels)
        except InvalidInput:
            return action

    def take(
        self,
        action: Action,
        actor: Actor,
        *,
        reason: str,
        incident: str = "",
        labels: Mapping[str, str] | None = None,
        runbook: str = "",
        place: int = 0,
        rule: str = "",
    ) -> Mitigation:
        """Do it. ``labels`` fill in what the action refers to, ``runbook`` and ``place`` say as which step, ``rule`` says what made it happen of itself: then it is done once an incident at most, and not
        where it would make something worse.

        Whatever comes of it is on record and on the timeline of ``incident``. Raises :class:`~aver.core.errors.Forbidden` where ``actor`` may not at this
        moment, :class:`~aver.core.errors.Conflict` where it was done of itself before, and what kept it from being done.
        """
        reason = _reason(reason)
        ready, kind = filled(action, labels or {}), kind_of(action)
        found = Mitigation(
            new_id("mitigation"),
            incident,
            str(ready),
            "begun",
            self._clock.now(),
            rule=rule,
            runbook=runbook,
            place=place,
            by=actor.name,
        )
        with self._store.begin() as tx:
            if (
                incident
                and not tx.execute(select(tables.incidents.c.id).where(tables.incidents.c.id == incident)).first()
            ):
                raise NotFound(
                    "There is no such incident, or it is not yours", "See which there are: aver incident list"
                )
            try:
                tx.execute(insert(tables.mitigations), _values(found))
            except IntegrityError:
                raise Conflict("It was done of itself for this incident before", "Do it by hand.") from None
            self._record(tx, found, {"text": found.action, "reason": reason})
        try:
            principal = actor.now()
            if principal.tenant != self._store.tenant.id:
                raise Forbidden("It is another tenant's", "Act as a user of this tenant.")
            check(principal, kind.permission)
            prepared = kind.prepare(self._ports(), ready.given)
            if rule and prepared.warning:
                raise Forbidden(f"Nothing is done of itself where {prepared.warning}", "Have a person decide.")
            done = prepared.take(actor.name, reason)
        except AverError as error:
            refused = isinstance(error, Forbidden) or error.slug == "unauthenticated"
            self._end(replace(found, status="refused" if refused else "failed"), error.cause, error)
            raise
        status: Status = "in_force" if done.undo else "done"
        return self._end(replace(found, status=status, undo=done.undo), done.said)

    def hold(self, action: Action, *, rule: str, incident: str, why: str) -> Mitigation:
        """Put on record that something is not done of itself, once an incident. Raises as :meth:`take`."""
        now = self._clock.now()
        found = Mitigation(new_id("mitigation"), incident, str(action), "held", now, now, rule=rule, said=why)
        with self._store.begin() as tx:
            try:
                tx.execute(insert(tables.mitigations), _values(found))
            except IntegrityError:
                raise Conflict("That is on record already", "Do it by hand.") from None
            self._record(tx, found, {"text": found.action, "said": why, "by": rule})
        return found

    def undo(self, mitigation: str, actor: Actor, *, reason: str) -> Mitigation:
        """Take back what one did. Raises :class:`~aver.core.errors.Conflict` where that cannot be, or was done already, and as :meth:`take`."""
        reason, found = _reason(reason), self.one(mitigation)
        if not found.undoable:
            why = "was undone already" if found.status == "undone" else "cannot be undone"
            raise Conflict(f"{found.action.partition(' ')[0]} {why}", "See: aver mitigation list.")
        action = read_action(found.action)
        kind = kind_of(action)
        check(actor.now(), kind.permission)
        assert kind.undo is not None
        try:
            said = kind.undo(self._ports(), found.undo, actor.name, reason)
        except NotFound:
            said = "it was let go on before"  # by whoever lifted the switch itself
        after = replace(found, status="undone", undone=self._clock.now(), said=said, by=actor.name)
        with self._store.begin() as tx:
            self._update(tx, after)
            self._record(tx, after, {"text": after.action, "said": said, "reason": reason})
        return after

    def mitigations(self, *, incident: str = "", standing: bool = False) -> list[Mitigation]:
        """All, oldest first; those of one incident; or those that are in force."""
        of = tables.mitigations.c
        query = select(tables.mitigations).order_by(of.begun, of.id)
        query = query.where(of.incident == incident) if incident else query
        query = query.where(of.status == "in_force") if standing else query
        with self._store.read() as tx:
            found = [_mitigation(row) for row in tx.execute(query)]
        told = self._ledger.turns(each.id for each in found)
        return [_told(each, told.get(each.id, ())) for each in found]

    def one(self, mitigation: str) -> Mitigation:
        """Raises :class:`~aver.core.errors.NotFound` where there is none."""
        with self._store.read() as tx:
            query = select(tables.mitigations).where(tables.mitigations.c.id == mitigation)
            row = tx.execute(query).one_or_none() if mitigation.isprintable() else None
        if row is None:
            raise NotFound("There is no such mitigation", "See which there are: aver mitigation list.")
        found = _mitigation(row)
        return _told(found, self._ledger.turns([found.id]).get(found.id, ()))

    def known(self, incident: str) -> dict[tuple[str, str], str]:
        """What was done, or held back, of itself for an incident: statuses by rules and actions."""
        of = tables.mitigations.c
        with self._store.read() as tx:
            rows = tx.execute(select(of.rule, of.action, of.status).where(of.incident == incident, of.rule != ""))
            return {(row.rule, row.action): row.status for row in rows}

    def lately(self, rule: str, since: timedelta) -> list[Mitigation]:
        """What a rule did, or tried to, since."""
        of, moment = tables.mitigations.c, rfc3339(self._clock.now() - since)
        query = select(tables.mitigations).where(of.rule == rule, of.begun >= moment, of.status != "held")
        with self._store.read() as tx:
            return [_mitigation(row) for row in tx.execute(query)]

    def _end(self, found: Mitigation, said: str, error: AverError | None = None) -> Mitigation:
        after = replace(found, ended=self._clock.now(), said=said)
        with self._store.begin() as tx:
            self._update(tx, after)
            self._record(tx, after, {"text": after.action, "said": said}, error)
        return after

    def _update(self, tx: Connection, found: Mitigation) -> None:
        tx.execute(update(tables.mitigations).where(tables.mitigations.c.id == found.id).values(**_values(found)))

    def _record(
        self, tx: Connection, found: Mitigation, body: Mapping[str, Any], error: AverError | None = None
    ) -> None:
        facts = {
            "event": found.status,
            "incident": found.incident or None,
            "action": found.action.partition(" ")[0],
            "rule": clear_name(found.rule),
            "runbook": clear_name(found.runbook),
            "place": found.place or None,
            "automatic": bool(found.rule),
            "error": error.slug if error is not None else None,
        }
        self._ledger.append_all(tx, [Draft(found.id, "mitigated", None, facts, {"by": found.by, **body})])


def _reason(reason: str) -> str:
    if not reason.strip() or len(reason) > _LONGEST or not reason.isprintable():
        raise InvalidInput("What is done has a reason", f"Say why, in up to {_LONGEST} characters.")
    return reason.strip()


def _told(found: Mitigation, steps: Any) -> Mitigation:
    said = [step.body for step in steps if step.body]
    if not said:
        return found
    last = next((str(body["said"]) for body in reversed(said) if body.get("said")), "")
    return replace(found, said=last, by=str(said[0].get("by") or ""))


def _claim(found: Mitigation) -> str:
    return f"{found.incident}|{found.rule}|{found.action}" if found.rule else found.id


def _values(found: Mitigation) -> dict[str, Any]:
    def text(moment: datetime | None) -> str:
        return rfc3339(moment) if moment else ""

    return {
        "id": found.id,
        "claim": _claim(found),
        "incident": found.incident,
        "action": found.action,
        "status": found.status,
        "begun": text(found.begun),
        "ended": text(found.ended),
        "undone": text(found.undone),
        "undo": found.undo,
        "rule": found.rule,
        "runbook": found.runbook,
        "place": found.place,
    }


def _mitigation(row: Row[Any]) -> Mitigation:
    def moment(text: str) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    begun = datetime.fromisoformat(row.begun)
    return Mitigation(
        row.id,
        row.incident,
        row.action,
        row.status,
        begun,
        moment(row.ended),
        moment(row.undone),
        row.undo,
        row.rule,
        row.runbook,
        row.place,
    )
