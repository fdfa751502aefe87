"""What is to be done so that an incident does not come again: proposed from evidence, accepted by people, tracked until done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evals.gates.declaration import parse_condition
from aver.evidence import Draft, Ledger
from aver.ops import store as tables
from aver.ops.incidents.types import Affected, Incident
from aver.ops.types import Objective
from aver.store import TenantStore

__all__ = ["Correction", "CorrectionKind", "CorrectionStatus", "Corrections", "Proposal", "proposals"]

CorrectionKind = Literal["case", "gate", "alert", "other"]
"""``case``: affected turns become cases of a labelled set. ``gate``: a release is held to a condition. ``alert``: it is seen sooner. ``other``: what people do."""
CorrectionStatus = Literal["accepted", "done", "dropped"]
_LONGEST = 1000
_MOST_TURNS = 10
_SLOW = 60.0
"""Seconds after which something could have been seen sooner."""
_MEASURES = {
    "groundedness": "groundedness>=baseline-0.02",
    "unsupported": "groundedness>=baseline-0.02",
    "task_success": "answered>=baseline-0.03",
    "refusals": "answered>=baseline-0.03",
    "retrieval": "hit@5>=baseline-0.03",
    "cost": "cost_usd<=1.1x",
    "tokens": "cost_usd<=1.1x",
    "spending": "cost_usd<=1.1x",
    "latency": "latency_ms<=1.2x",
}
"""The condition of a gate that would have held back what an objective's indicator, or a signal, told of."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that evidence suggests: ``turns`` are those that become cases, ``condition`` what a release is held to."""

    kind: CorrectionKind
    text: str
    turns: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """Something that was taken on. ``cases`` are ids of the cases that came of it."""

    id: str
    incident: str
    kind: CorrectionKind
    status: CorrectionStatus
    accepted: datetime
    ended: datetime | None = None
    condition: str = ""
    cases: tuple[str, ...] = field(default_factory=tuple)
    text: str = ""
    """Read from evidence, as ``by`` is."""
    by: str = ""

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "id": self.id,
            "incident": self.incident,
            "kind": self.kind,
            "status": self.status,
            "accepted": self.accepted,
            "ended": self.ended,
            "condition": self.condition or None,
            "cases": self.cases,
            "text": self.text,
            "by": self.by,
        }


def proposals(
    incident: Incident, affected: Affected, slos: Mapping[str, Objective], suspects: Sequence[str]
) -> list[Proposal]:
    """What evidence suggests, each a fact and what follows from it. ``suspects`` are what was changed before, in words."""
    return [*_proposed(incident, affected, slos, suspects)]


def _proposed(
    incident: Incident, affected: Affected, slos: Mapping[str, Objective], suspects: Sequence[str]
) -> Iterator[Proposal]:
    if affected.turns:
        turns = affected.turns[:_MOST_TURNS]
        yield Proposal("case", f"Label {len(turns)} of the {affected.count:,} affected turns as cases", turns)
    kind, _, name = incident.rule.partition(":")
    about = slos[name].indicator if kind == "burn" and name in slos else name
    if condition := _MEASURES.get(about, ""):
        yield Proposal(
            "gate", f"Hold releases to {condition}, so that the next one that does this is not promoted", (), condition
        )
    if incident.origin != "alert":
        yield Proposal("alert", "No alert told of it: declare an objective, or lower a threshold, that would have")
    elif incident.detection_seconds > _SLOW:
        said = f"It was seen {incident.detection_seconds:.0f} s after it began: ask for fewer samples, or a lower threshold, of {incident.rule}"
        yield Proposal("alert", said)
    if suspects and not _MEASURES.get(about, ""):
        yield Proposal("other", f"Find out whether this caused it, and what would have held it back: {suspects[0]}")


class Corrections:
    """Those of one tenant. Blocking, thread-safe."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def of(self, incident: str) -> list[Correction]:
        """Those of one incident, oldest first; of all, for an empty id."""
        of = tables.corrections.c
        query = select(tables.corrections).order_by(of.id)
        query = query.where(of.incident == incident) if incident else query
        with self._store.read() as tx:
            found = [_correction(row) for row in tx.execute(query)]
        told = self._ledger.turns(each.id for each in found)
        return [_told(each, told.get(each.id, ())) for each in found]

    def one(self, correction: str) -> Correction:
        with self._store.read() as tx:
            found = self._row(tx, correction)
        return _told(found, self._ledger.turns([found.id]).get(found.id, ()))

    def accept(
        self,
        incident: str,
        kind: CorrectionKind,
        text: str,
        *,
        by: str,
        condition: str = "",
        cases: Sequence[str] = (),
    ) -> Correction:
        """Take something on for an incident. Raises :class:`~aver.core.errors.InvalidInput` for a text that says nothing and a condition that is none."""
        if not text.strip() or len(text) > _LONGEST or "\0" in text:
            raise InvalidInput(f"What is taken on has 1 to {_LONGEST:,} characters", "Say what is to be done.")
        if (kind == "gate") != bool(condition):
            raise InvalidInput("A gate has a condition, and nothing else has", "Write one, as groundedness>=0.9.")
        if condition:
            parse_condition(condition)
        now = self._clock.now()
        found = Correction(
            new_id("correction"), incident, kind, "accepted", now, None, condition, tuple(cases), text.strip(), by
        )
        with self._store.begin() as tx:
            if not tx.execute(select(tables.incidents.c.id).where(tables.incidents.c.id == incident)).first():
                raise NotFound(
                    "There is no such incident, or it is not yours", "See which there are: aver incident list"
                )
            tx.execute(insert(tables.corrections), _values(found))
            self._record(tx, found, {"text": found.text, "by": by})
        return found

    def end(self, correction: str, status: Literal["done", "dropped"], *, by: str, reason: str = "") -> Correction:
        """Say that it is done, or that it will not be; of the latter, why. Raises :class:`~aver.core.errors.Conflict` once either was said."""
        if status == "dropped" and not reason.strip():
            raise InvalidInput("What is dropped was taken on for a reason", "Say why it is not done after all.")
        with self._store.begin() as tx:
            found = self._row(tx, correction)
            if found.status != "accepted":
                raise Conflict(f"It is {found.status} already", "See: aver incident action list.")
            after = replace(found, status=status, ended=self._clock.now())
            tx.execute(update(tables.corrections).where(tables.corrections.c.id == correction).values(**_values(after)))
            self._record(tx, after, {"reason": reason[:_LONGEST], "by": by})
        return self.one(correction)

    def _row(self, tx: Connection, correction: str) -> Correction:
        row = None
        if correction.isprintable():
            row = tx.execute(select(tables.corrections).where(tables.corrections.c.id == correction)).one_or_none()
        if row is None:
            raise NotFound("There is no such corrective action", "See which there are: aver incident action list.")
        return _correction(row)

    def _record(self, tx: Connection, found: Correction, body: Mapping[str, Any]) -> None:
        facts = {"event": found.status, "incident": found.incident, "kind": found.kind, "cases": len(found.cases)}
        self._ledger.append_all(tx, [Draft(found.id, "corrected", None, facts, body)])


def _told(found: Correction, steps: Sequence[Any]) -> Correction:
    body: Mapping[str, Any] = next((step.body for step in steps if step.body and step.body.get("text")), {})
    return replace(found, text=str(body.get("text") or ""), by=str(body.get("by") or ""))


def _correction(row: Row[Any]) -> Correction:
    return Correction(
        row.id,
        row.incident,
        row.kind,
        row.status,
        datetime.fromisoformat(row.accepted),
        datetime.fromisoformat(row.ended) if row.ended else None,
        row.condition,
        tuple(filter(None, row.cases.split(" "))),
    )


def _values(found: Correction) -> dict[str, Any]:
    return {
        "id": found.id,
        "incident": found.incident,
        "kind": found.kind,
        "status": found.status,
        "accepted": rfc3339(found.accepted),
        "ended": rfc3339(found.ended) if found.ended else "",
        "condition": found.condition,
        "cases": " ".join(found.cases),
    }
