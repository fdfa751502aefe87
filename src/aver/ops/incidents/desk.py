"""Incidents of one tenant: opened by an alert in its own transaction, by a person, or by a report of a turn; what people say of one is evidence alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.evidence.facts import clear_name
from aver.ops import store as tables
from aver.ops.alerts.types import Alert
from aver.ops.incidents.types import Figures, Incident, Origin, Status
from aver.ops.mitigation.types import RULE, Actor
from aver.ops.types import Severity
from aver.policy.access import check
from aver.store import TenantStore

__all__ = ["IncidentDesk", "figures_of"]

_TOGETHER = timedelta(minutes=30)
"""For how long after its last alert an incident takes further ones of its feature for its own."""
_LONGEST = 2000
_TITLE = 200


class IncidentDesk:
    """Blocking, thread-safe. ``opening`` are the severities of alerts that open an incident, and ``opens`` says which others do; the rest join one that is
    under way."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        opening: Sequence[Severity] = ("page",),
        opens: Callable[[Alert], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._opening = frozenset(opening)
        self._opens_too = opens

    # What people do

    def open(
        self,
        title: str,
        *,
        by: str,
        severity: Severity = "page",
        feature: str = "",
        began: datetime | None = None,
        turn: str = "",
        beside: Callable[[Incident], Sequence[Draft]] = lambda _: (),
    ) -> Incident:
        """Open one by hand; with ``turn``, as a report of that turn, of whose feature and moment it is. ``beside`` are further steps of the same
        transaction. Raises :class:`~aver.core.errors.InvalidInput` for a title that
        says nothing or a beginning to come, and :class:`~aver.core.errors.NotFound` where there is no such turn."""
        now, origin = self._clock.now(), "person"
        if turn:
            steps = self._ledger.turn(turn)
            admitted = next((step for step in steps if step.kind == "admitted"), steps[0])
            origin, feature = "report", feature or str(admitted.facts.get("feature") or "")
            began = began or admitted.at
        if began is not None and began > now:
            raise InvalidInput("An incident cannot have begun in the future", "Say when it began, or leave that out.")
        found = _begun(severity, "report" if origin == "report" else "person", feature, "", min(began or now, now), now)
        body = {"title": _words(title, _TITLE, "title"), "by": by, "turn": turn or None}
        with self._store.begin() as tx:
            self._insert(tx, found)
            self._record(tx, found, "opened", body)
            self._ledger.append_all(tx, beside(found))
        return replace(found, title=body["title"] or "")

    def reported(self, turn: str) -> Incident | None:
        """The report of a turn that is under way, where there is one."""
        for each in self.incidents(under_way=True):
            steps = self._ledger.turns([each.id]).get(each.id, ()) if each.origin == "report" else ()
            if any(step.body and step.body.get("turn") == turn for step in steps):
                return each
        return None

    def note(self, incident: str, text: str, *, by: str) -> Incident:
        """Say something of it, whatever its state."""
        return self._change(incident, "noted", {"text": _words(text, _LONGEST, "note"), "by": by})

    def did(self, incident: str, runbook: str, number: int, text: str, actor: Actor) -> Incident:
        """Say that a person did a step of a runbook. Raises :class:`~aver.core.errors.Forbidden` where they may not see to incidents at this moment."""
        check(actor.now(), "oversee")
        body = {
            "text": f"{runbook}, step {number}: {text[:_LONGEST]}",
            "by": actor.name,
            "runbook": runbook,
            "step": number,
        }
        return self._change(incident, "did", body)

    def steps_done(self, incident: str, runbook: str) -> dict[int, str]:
        """The steps of a runbook that people did for it, and who."""
        bodies = [step.body or {} for step in self._ledger.turns([incident]).get(incident, ())]
        return {int(each["step"]): str(each["by"]) for each in bodies if each.get("runbook") == runbook}

    def mitigate(self, incident: str, text: str, *, by: str) -> Incident:
        """Say that users are spared it from now on. Raises :class:`~aver.core.errors.Conflict` unless it is open."""
        body = {"text": _words(text, _LONGEST, "note"), "by": by}
        return self._change(incident, "mitigated", body, {"open"}, status="mitigated", mitigated=self._clock.now())

    def resolve(self, incident: str, text: str, *, by: str) -> Incident:
        """Say that it is done with. What was never mitigated is so by this."""
        now = self._clock.now()
        body = {"text": _words(text, _LONGEST, "note"), "by": by}
        return self._change(incident, "resolved", body, {"open", "mitigated"}, status="resolved", resolved=now)

    def incidents(self, *, under_way: bool = False) -> list[Incident]:
        """All, newest first, with their titles; or those that are not resolved."""
        of = tables.incidents.c
        query = select(tables.incidents).order_by(of.detected.desc(), of.id.desc())
        with self._store.read() as tx:
            found = [_incident(row) for row in tx.execute(query.where(of.status != "resolved") if under_way else query)]
        told = self._ledger.turns(each.id for each in found)
        return [replace(each, title=_title(told.get(each.id, ()))) for each in found]

    def under_way(self) -> frozenset[str]:
        """The ids of those that are not resolved."""
        of = tables.incidents.c
        with self._store.read() as tx:
            return frozenset(tx.scalars(select(of.id).where(of.status != "resolved")))

    def one(self, incident: str) -> Incident:
        """One by its id; :class:`~aver.core.errors.NotFound` where there is none."""
        with self._store.read() as tx:
            found = self._row(tx, incident)
        return replace(found, title=_title(self._ledger.turns([found.id]).get(found.id, ())))

    # What alerts do

    def attach(self, tx: Connection, fired: Sequence[Alert], now: datetime) -> list[Alert]:
        """As :class:`~aver.ops.alerts.desk.Opener` says: an alert joins the incident of its feature that is under way, or opens one."""
        of = tables.incidents.c
        rows = tx.execute(select(tables.incidents).where(of.status != "resolved", of.origin == "alert"))
        known = [_incident(row) for row in rows]
        changed: dict[str, Incident] = {}
        found = []
        for alert in sorted(fired, key=lambda each: not self._opens(each)):
            feature = alert.labels.get("feature", "")
            if alert.rule.startswith(RULE):  # what is done about an incident is no part of what it is about
                found.append(alert)
                continue
            mine = next((each for each in known if _belongs(each, feature, now)), None)
            if mine is None and self._opens(alert):
                mine = _begun(alert.severity, "alert", feature, alert.rule, alert.began, now)
                self._insert(tx, mine)
                self._record(tx, mine, "opened", {"title": alert.said[:_TITLE], "by": "alert", "alert": alert.id})
                known.append(mine)
            elif mine is not None:
                after = replace(mine, began=min(mine.began, alert.began), touched=now)
                if mine.status == "mitigated" and self._opens(alert):
                    after = replace(after, status="open", mitigated=None)
                    self._record(tx, after, "reopened", {"by": "alert", "alert": alert.id})
                known[known.index(mine)] = changed[mine.id] = mine = after
            found.append(replace(alert, incident=mine.id if mine else ""))
        for each in changed.values():
            self._update(tx, each)
        order = {alert.id: place for place, alert in enumerate(fired)}
        return sorted(found, key=lambda each: order[each.id])

    def relieve(self, tx: Connection, resolved: Sequence[Alert], now: datetime) -> None:
        """As :class:`~aver.ops.alerts.desk.Opener` says. It was mitigated when its last effect was, which is known only now."""
        over: dict[str, datetime] = {}
        for alert in resolved:
            if alert.incident:
                last = datetime.fromtimestamp(alert.figures.get("last", alert.seen.timestamp()), UTC)
                over[alert.incident] = max(over.get(alert.incident, last), min(last, alert.seen))
        for incident, moment in over.items():
            standing = (tables.alerts.c.incident == incident, tables.alerts.c.resolved == "")
            row = tx.execute(select(tables.incidents).where(tables.incidents.c.id == incident)).one_or_none()
            if row is None or row.status != "open" or tx.execute(select(tables.alerts.c.id).where(*standing)).first():
                continue
            found = replace(_incident(row), status="mitigated", mitigated=min(moment, now))
            self._update(tx, found)
            self._record(tx, found, "mitigated", {"by": "alert", "text": "No alert stands any more."})

    def _opens(self, alert: Alert) -> bool:
        return alert.severity in self._opening or self._opens_too(alert)

    # Rows

    def _change(
        self, incident: str, event: str, body: dict[str, Any], among: set[Status] | None = None, **values: Any
    ) -> Incident:
        with self._store.begin() as tx:
            found = self._row(tx, incident)
            if among is not None and found.status not in among:
                raise Conflict(f"The incident is {found.status} already", "Look at it: aver incident show ID")
            after = replace(found, **values)
            if after.status == "resolved" and after.mitigated is None:
                after = replace(after, mitigated=after.resolved)
            if after != found:
                self._update(tx, after)
            self._record(tx, after, event, body)
        return replace(after, title=_title(self._ledger.turns([incident]).get(incident, ())))

    def _row(self, tx: Connection, incident: str) -> Incident:
        row = None
        if incident.isprintable():
            row = tx.execute(select(tables.incidents).where(tables.incidents.c.id == incident)).one_or_none()
        if row is None:
            raise NotFound("There is no such incident, or it is not yours", "See which there are: aver incident list")
        return _incident(row)

    def _insert(self, tx: Connection, incident: Incident) -> None:
        tx.execute(insert(tables.incidents), _values(incident))

    def _update(self, tx: Connection, incident: Incident) -> None:
        values = _values(replace(incident, revision=incident.revision + 1))
        tx.execute(update(tables.incidents).where(tables.incidents.c.id == incident.id).values(**values))

    def _record(self, tx: Connection, incident: Incident, event: str, body: Mapping[str, Any]) -> None:
        facts = {
            "event": event,
            "status": incident.status,
            "severity": incident.severity,
            "origin": incident.origin,
            "feature": clear_name(incident.feature),
            "rule": clear_name(incident.rule),
            "detection_s": round(incident.detection_seconds, 3),
            "mitigation_s": None if incident.mitigation_seconds is None else round(incident.mitigation_seconds, 3),
        }
        self._ledger.append_all(tx, [Draft(incident.id, "incident", None, facts, body)])


def figures_of(incidents: Sequence[Incident]) -> Figures:
    """How soon they were detected and mitigated, on average. Detection is timed of those that alerts opened: what a person opens says itself when it began."""
    detected = [each.detection_seconds for each in incidents if each.origin == "alert"]
    mitigated = [each.mitigation_seconds for each in incidents if each.mitigation_seconds is not None]
    reason = "" if incidents else "no data yet: there was no incident"
    return Figures(
        len(incidents),
        sum(each.status == "open" for each in incidents),
        sum(detected) / len(detected) if detected else None,
        sum(mitigated) / len(mitigated) if mitigated else None,
        reason,
    )


def _begun(
    severity: Severity, origin: Origin, feature: str, rule: str, began: datetime, detected: datetime
) -> Incident:
    return Incident(
        new_id("incident"), "open", severity, origin, feature, rule, began, max(detected, began), touched=detected
    )


def _belongs(incident: Incident, feature: str, now: datetime) -> bool:
    near = incident.touched is not None and now - incident.touched <= _TOGETHER
    return near and (incident.feature == feature or not feature or not incident.feature)


def _words(text: str, longest: int, what: str) -> str:
    if not text.strip() or len(text) > longest or "\0" in text:
        raise InvalidInput(f"A {what} has 1 to {longest:,} characters", "Say in a few words what is known.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"The {what} is not valid UTF-8", "Type it again in a terminal that speaks UTF-8.") from None
    return text.strip()


def _title(steps: Sequence[Any]) -> str:
    return next((str(step.body["title"]) for step in steps if step.body and step.body.get("title")), "")


def _incident(row: Row[Any]) -> Incident:
    def moment(text: str) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return Incident(
        row.id,
        row.status,
        row.severity,
        row.origin,
        row.feature,
        row.rule,
        datetime.fromisoformat(row.began),
        datetime.fromisoformat(row.detected),
        moment(row.mitigated),
        moment(row.resolved),
        moment(row.touched),
        row.revision,
    )


def _values(incident: Incident) -> dict[str, Any]:
    def text(moment: datetime | None) -> str:
        return rfc3339(moment) if moment else ""

    return {
        "id": incident.id,
        "status": incident.status,
        "severity": incident.severity,
        "origin": incident.origin,
        "feature": incident.feature,
        "rule": incident.rule,
        "began": text(incident.began),
        "detected": text(incident.detected),
        "mitigated": text(incident.mitigated),
        "resolved": text(incident.resolved),
        "touched": text(incident.touched),
        "revision": incident.revision,
    }
