"""A tenant's chain told outside, and held against what was told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from aver.core import Clock, canonical_json, new_id, rfc3339
from aver.core.errors import AverError, InvalidInput, NotFound, VerificationFailed
from aver.evidence import Draft, Ledger
from aver.governance.anchors.prover import StepTree
from aver.governance.anchors.store import anchors as table
from aver.governance.anchors.types import Anchor, AnchorKind, Finding, Place, Statement
from aver.governance.proof.terms import Bad
from aver.governance.proof.verifier import check_statement
from aver.store import TenantStore

__all__ = ["Anchors", "Proof"]

_MOST = 10_000
"""Anchors that are looked at when a place is held against the chain: the newest."""
Proof = Mapping[str, Any]
"""``{"from", "from_root", "to", "to_root", "path"}``: RFC 9162, section 2.1.4."""


class Anchors:
    """Blocking. ``places`` are those that the installation declares, each of a kind of its own."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, places: Sequence[Place] = ()) -> None:
        self._store, self._ledger, self._clock = store, ledger, clock
        self._places = {place.kind: place for place in places}

    @property
    def kinds(self) -> Sequence[AnchorKind]:
        """Of the places that are declared."""
        return tuple(self._places)

    def anchor(self, kind: str = "") -> list[Anchor]:
        """Tell every place, or the one of a ``kind``, how the chain stands. Each that was told, and each that could not be, is a step of evidence.

        Raises :class:`~aver.core.errors.InvalidInput` where no such place is declared, and
        :class:`~aver.core.errors.VerificationFailed` for a chain with steps missing.
        """
        if not self._places:
            raise InvalidInput(
                "No place is declared to anchor in", "Set anchors.file, or another of the section anchors."
            )
        if kind and kind not in self._places:
            raise InvalidInput(
                f"No place of the kind {kind[:20]!r} is declared", f"There is: {', '.join(self._places)}."
            )
        head = self._ledger.head()
        if not head.seq:
            raise InvalidInput("There is no evidence to anchor yet", "Ask something first.")
        tree = StepTree(self._store, head.seq)
        statement = self._statement(tree)
        wanted = [self._places[kind]] if kind else list(self._places.values())
        return [self._told(place, statement, tree) for place in wanted]

    def due(self, every: float) -> bool:
        """Whether something happened since the last anchors, and they are ``every`` seconds old."""
        if not self._places:
            return False
        last = self.newest()
        if last is None:
            return self._ledger.head().seq > 0
        own = len([each for each in self.recent(len(self._places)) if each.at == last.at])
        grown = self._ledger.head().seq > last.seq + own
        return grown and (self._clock.now() - last.at).total_seconds() >= every

    def recent(self, most: int = 100) -> list[Anchor]:
        """The newest first."""
        query = select(table).order_by(table.c.seq.desc(), table.c.id.desc()).limit(most)
        with self._store.read() as tx:
            return [_anchor(row) for row in tx.execute(query)]

    def newest(self) -> Anchor | None:
        return next(iter(self.recent(1)), None)

    def between(self, first: int, last: int) -> list[Anchor]:
        """The anchors of states of ``first`` to ``last`` steps, and of each kind the first one after: in order, without those that failed."""
        query = select(table).where(table.c.seq >= first, table.c.problem == "").order_by(table.c.seq, table.c.id)
        found: list[Anchor] = []
        after: set[str] = set()
        with self._store.read() as tx:
            for row in tx.execute(query):
                anchor = _anchor(row)
                if anchor.seq <= last:
                    found.append(anchor)
                elif anchor.kind not in after:
                    after.add(anchor.kind)
                    found.append(anchor)
                if len(after) == 4:
                    break
        return found

    def prove(self, first: int, second: int | None = None) -> Proof:
        """That the chain of ``second`` steps, by default of all, begins with the first ``first``. Raises :class:`~aver.core.errors.InvalidInput`."""
        tree = StepTree(self._store, self._ledger.head().seq if second is None else second)
        return {
            "tenant": self._store.tenant.id,
            "from": first,
            "from_root": tree.root(first),
            "to": tree.size,
            "to_root": tree.root(),
            "path": tree.consistency(first, tree.size),
        }

    def check(self) -> list[Finding]:
        """Hold every place against the chain as it stands. A place that cannot be asked is a finding of its own."""
        known = self.recent(_MOST)
        return [
            self._held(place, [each for each in known if each.kind == place.kind]) for place in self._places.values()
        ]

    def _held(self, place: Place, known: Sequence[Anchor]) -> Finding:
        tenant, bad = self._store.tenant.id, list[str]()
        told = [each for each in known if not each.problem]
        try:
            found = place.found(tenant, told)
        except VerificationFailed as error:
            return Finding(place.kind, len(told), (error.cause,))
        except AverError as error:
            return Finding(place.kind, 0, (), f"it cannot be asked: {error.cause}")
        size = self._ledger.head().seq
        try:
            tree = StepTree(self._store, size)
        except VerificationFailed as error:
            return Finding(place.kind, len(found), (error.cause,))
        key = self._store.signing_key().public_key().public_bytes_raw()
        for statement in found:
            said = statement["anchor"]
            try:
                if "signature" in statement:
                    check_statement(statement, tenant, key)
                bad += _differs(tree, said)
            except (Bad, KeyError, TypeError, ValueError) as error:
                bad.append(str(error) or "a state that the place holds cannot be read")
        there = {canonical_json(each) for each in found}
        for anchor in told:
            if anchor.kind in ("file", "s3") and canonical_json(dict(anchor.statement)) not in there:
                bad.append(f"the state of {anchor.seq:,} steps is not at its place any more")
        return Finding(place.kind, len(found), tuple(bad), "" if found else "nothing was anchored there")

    def _statement(self, tree: StepTree) -> Statement:
        said = {
            "at": rfc3339(self._clock.now()),
            "hash": tree.head,
            "root": tree.root(),
            "seq": tree.size,
            "tenant": self._store.tenant.id,
        }
        signature = self._store.signing_key().sign(canonical_json({"anchor": said, "version": 1}))
        return {"anchor": said, "signature": signature.hex()}

    def _told(self, place: Place, statement: Statement, tree: StepTree) -> Anchor:
        receipt: Mapping[str, Any] = {}
        problem = ""
        try:
            receipt = place.put(statement, lambda size: tree.consistency(size, tree.size))
        except AverError as error:
            problem = str(error)
        said = statement["anchor"]
        anchor = Anchor(
            new_id("anchor"), place.kind, said["seq"], datetime.fromisoformat(said["at"]), statement, receipt, problem
        )
        facts = {
            "place": place.kind,
            "outcome": "failed" if problem else "done",
            "seq": said["seq"],
            "root": said["root"],
            "receipt": hashlib.sha256(canonical_json(dict(receipt))).hexdigest(),
        }
        values = {
            "id": anchor.id,
            "kind": anchor.kind,
            "seq": anchor.seq,
            "at": said["at"],
            "statement": canonical_json(dict(statement)).decode(),
            "receipt": canonical_json(dict(receipt)).decode(),
            "problem": problem,
        }
        body = {"statement": dict(statement), "receipt": dict(receipt), "problem": problem}
        with self._store.begin() as tx:
            tx.execute(insert(table), values)
            self._ledger.append_all(tx, [Draft(anchor.id, "anchored", None, facts, body)])
        return anchor

    def get(self, anchor: str) -> Anchor:
        """By its id. Raises :class:`~aver.core.errors.NotFound`."""
        with self._store.read() as tx:
            row = tx.execute(select(table).where(table.c.id == anchor)).one_or_none()
        if row is None:
            raise NotFound("There is no such anchor", "See which there are: aver evidence anchors")
        return _anchor(row)


def _differs(tree: StepTree, said: Mapping[str, Any]) -> list[str]:
    seq = said["seq"]
    if seq > tree.size:
        return [f"a state of {seq:,} steps is anchored, and the chain has {tree.size:,}: it was cut off"]
    if tree.root(seq) != said["root"]:
        return [f"the chain of {seq:,} steps is not the one that was anchored: it was rewritten"]
    return []


def _anchor(row: Any) -> Anchor:
    return Anchor(
        row.id,
        row.kind,
        row.seq,
        datetime.fromisoformat(row.at),
        json.loads(row.statement),
        json.loads(row.receipt),
        row.problem,
    )
