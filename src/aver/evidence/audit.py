"""Verifying a ledger in its database: the chain, the content under its keys, and the anchor beside the keys."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Table, func, or_, select
from sqlalchemy.exc import DBAPIError

from aver.evidence.anchor import Anchor
from aver.evidence.chain import BadRecord, Chain
from aver.evidence.keys import DataKey, Keyring, open_content
from aver.evidence.record import StepRow, is_disposed
from aver.evidence.rows import checkpoints_between, steps_from
from aver.evidence.signing import fingerprint, signed_by_holder
from aver.evidence.store import checkpoints, steps, subjects
from aver.evidence.types import Head, Verification
from aver.store import TenantStore

__all__ = ["Audit"]

_BATCH = 2000

_Progress = Callable[[int, int], None]


class Audit:
    """One verification of one ledger, over one snapshot of its database."""

    def __init__(self, store: TenantStore, keys: Keyring, signing_key: Ed25519PrivateKey, anchor: Anchor) -> None:
        self._store = store
        self._tenant = store.tenant.id
        self._keys = keys
        self._fingerprint = fingerprint(signing_key.public_key())
        self._anchored = anchor.read()  # before the snapshot of the database is taken, which is then at least as far
        self._chain = Chain(self._tenant, signed_by_holder(signing_key), self._anchored)
        self._keyless: dict[str, int] = {}  # subject without a key -> its first step, until a step says it was erased
        self._unreadable = 0

    def run(self, progress: _Progress | None) -> Verification:
        try:
            with self._store.read() as tx:
                self._verify(tx, progress or (lambda _done, _total: None))
        except BadRecord as bad:
            return self._result(bad)
        return self._result(None)

    def _verify(self, tx: Connection, progress: _Progress) -> None:
        foreign = self._first_foreign(tx)
        try:
            self._walk_all(tx, progress)
            self._chain.end()
            self._end(tx)
        except BadRecord as bad:
            if foreign is None or (bad.seq is not None and bad.seq < foreign):
                raise
        if foreign is not None:
            raise BadRecord(foreign, "it, or its checkpoint, belongs to another tenant")

    def _first_foreign(self, tx: Connection) -> int | None:
        queries = (
            select(func.min(table.c.seq)).where(table.c.tenant != self._tenant) for table in (steps, checkpoints)
        )
        return min((seq for query in queries if type(seq := tx.execute(query).scalar()) is int), default=None)

    def _walk_all(self, tx: Connection, progress: _Progress) -> None:
        total: int = tx.execute(select(func.count()).select_from(steps)).scalar_one()
        try:
            self._walk(tx, _BATCH, progress, total)
        except DBAPIError as error:
            if not _is_damage(error):
                raise
            # A row that cannot even be read, such as text that is not UTF-8: go on one by one, to tell which.
            try:
                self._walk(tx, 1, progress, total)
            except DBAPIError as unreadable:
                if not _is_damage(unreadable):
                    raise
                raise BadRecord(self._chain.expected, f"it cannot be read: {unreadable.orig}") from None

    def _walk(self, tx: Connection, size: int, progress: _Progress, total: int) -> None:
        with closing(steps_from(tx, self._tenant, self._chain.expected, size)) as batches:
            for rows in batches:
                self._check(tx, rows)
                progress(self._chain.head.seq, total)

    def _check(self, tx: Connection, rows: list[StepRow]) -> None:
        keys = self._keys.open(tx, {row.subject for row in rows})
        signed = checkpoints_between(tx, self._tenant, rows[0].seq, rows[-1].seq)
        checkpoint = next(signed, None)
        for row in rows:
            self._chain.step(row)
            if is_disposed(row.content):
                self._unreadable += 1
            elif row.subject in keys:
                self._open(row, keys[row.subject])
            else:
                self._unreadable += 1
            if row.subject not in keys:
                self._keyless.setdefault(row.subject, row.seq)
            while checkpoint is not None and checkpoint.seq == row.seq:
                self._chain.checkpoint(checkpoint)
                checkpoint = next(signed, None)
            if row.kind == "erased" and self._chain.signed_to == row.seq:
                self._erased(tx, row)
        if checkpoint is not None:
            self._chain.checkpoint(checkpoint)  # of no step: the chain says so

    def _open(self, row: StepRow, key: DataKey | None) -> None:
        if key is None:
            raise BadRecord(row.seq, "the key of its subject was changed, and opens nothing")
        if open_content(row, key) is None:
            raise BadRecord(row.seq, "its content does not decrypt although its key exists: it was replaced")

    def _erased(self, tx: Connection, row: StepRow) -> None:
        subject = json.loads(row.facts)["subject"]
        if self._keys.open(tx, [subject]):
            raise BadRecord(row.seq, "the key that it says was destroyed is there again")
        self._keyless.pop(subject, None)

    def _end(self, tx: Connection) -> None:
        head = self._chain.head.seq
        if _exists(tx, checkpoints, or_(checkpoints.c.seq > head, checkpoints.c.seq < 1)):
            raise BadRecord(head + 1, "it is missing: a signed checkpoint covers steps beyond the end of the chain")
        # Last, because the step that says so may be among those cut off.
        if self._keyless:
            raise BadRecord(
                min(self._keyless.values()), "the key of its subject is gone, and no step says it was erased"
            )
        if _exists(tx, steps, steps.c.seq < 1):
            raise BadRecord(None, "there is a step numbered below 1")
        if _exists(tx, subjects, subjects.c.id.not_in(select(steps.c.subject))):
            raise BadRecord(None, "there is a data key that belongs to no step")

    def _result(self, bad: BadRecord | None) -> Verification:
        chain = self._chain
        return Verification(
            ok=bad is None,
            steps=chain.head.seq,
            checkpoints=chain.checkpoints,
            head=chain.head.hash,
            key_fingerprint=self._fingerprint,
            first_bad=bad.seq if bad else None,
            reason=bad.reason if bad else "",
            unreadable=self._unreadable,
            notes=tuple(self._notes(chain.head)),
        )

    def _notes(self, head: Head) -> list[str]:
        notes = []
        if self._anchored is None and head.seq:
            notes.append("there is no anchor beside the keys: that nothing was cut off the end cannot be told")
        if self._chain.signed_to < head.seq:
            notes.append(f"the last {head.seq - self._chain.signed_to} steps are not under a signed checkpoint yet")
        return notes


def _exists(tx: Connection, table: Table, condition: Any) -> bool:
    return tx.execute(select(table.c.tenant).where(condition).limit(1)).first() is not None


def _is_damage(error: DBAPIError) -> bool:
    """Whether it is what SQLite says of a row it cannot read: a damaged page, or (without a code) text that is not UTF-8."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is the primary one
    return isinstance(error.orig, sqlite3.Error) and code in (0, sqlite3.SQLITE_CORRUPT)
