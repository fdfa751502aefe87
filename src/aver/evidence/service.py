"""The ledger: append, seal, read, verify, export, erase."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, insert, select

from aver.core import Clock, canonical_json, new_id, rfc3339
from aver.core.errors import InvalidInput, NotFound, TooLarge, VerificationFailed
from aver.evidence.anchor import Anchor
from aver.evidence.audit import Audit
from aver.evidence.disposal import let_go
from aver.evidence.export import write_export
from aver.evidence.facts import clear_facts
from aver.evidence.keys import DataKey, Keyring, encrypt, open_content
from aver.evidence.proof import Proof, prove
from aver.evidence.record import SIGNED, CheckpointRow, StepRow, commitment, frame, is_disposed
from aver.evidence.rows import head_of, last_of_kind, steps_from, steps_of, steps_of_kind
from aver.evidence.signing import signed_by_holder
from aver.evidence.store import checkpoints, steps
from aver.evidence.types import Draft, Head, Seen, Step, StepKind, Verification, Watch
from aver.store import TenantStore, after_commit

__all__ = ["Ledger", "Prepared", "prepare"]

_TENANT = ""
"""The name under which the tenant's own data key is kept, for steps that are about no subject."""
_LARGEST_BODY = 16 * 2**20
_TURNS_A_QUERY = 500
_STEPS_A_QUERY = 500


class Ledger:
    """The append-only, hash-chained evidence of one tenant."""

    def __init__(
        self, store: TenantStore, clock: Clock, watch: Watch | None = None, marks: Mapping[str, Any] | None = None
    ) -> None:
        """``watch`` is told of the steps of each transaction once it has committed; see :data:`~aver.evidence.types.Watch`. ``marks`` are facts that
        every step of :meth:`append_all` has beside its own, such as that it was generated for a demonstration, or is of an evaluation."""
        self._store = store
        self._clock = clock
        self._watch = watch
        self.marks = dict(marks or {})
        self._anchor = Anchor(store.directory / "keys" / "head.anchor", store.tenant.id)

    # Key files are made at first use and never change, so each is read once.
    @cached_property
    def _keys(self) -> Keyring:
        return Keyring(self._store.tenant.id, self._store.master_key())

    @cached_property
    def _signing_key(self) -> Ed25519PrivateKey:
        return self._store.signing_key()

    def append(
        self,
        tx: Connection,
        *,
        turn: str,
        kind: StepKind,
        subject: str | None,
        facts: Mapping[str, Any],
        body: Mapping[str, Any] | None,
    ) -> Step:
        """Append one step in the transaction of its effect; see :class:`~aver.evidence.Draft` for what goes where."""
        return self.append_all(tx, [Draft(turn, kind, subject, facts, body)])[0]

    def seal(self, tx: Connection, *, turn: str, subject: str | None, facts: Mapping[str, Any] | None = None) -> Step:
        """Close ``turn`` with a ``sealed`` step, whose signed checkpoint covers it and everything before it."""
        return self.append_all(tx, [Draft(turn, "sealed", subject, facts or {})])[0]

    def append_all(self, tx: Connection, drafts: Sequence[Draft]) -> tuple[Step, ...]:
        """Append several steps at once, a few times cheaper each than one by one.

        ``tx`` is the caller's write transaction (``TenantStore.begin``), which admits one writer at a time, so the chain
        cannot fork. A step that ends a turn or is administrative gets its signed checkpoint here. Raises
        :class:`~aver.core.errors.InvalidInput` for facts that may not stand in clear and a body that is no JSON, and
        :class:`~aver.core.errors.TooLarge` for a body over 16 MiB; then nothing of ``drafts`` is written.
        """
        now = self._clock.now()
        if self.marks:
            drafts = [replace(draft, facts={**self.marks, **draft.facts}) for draft in drafts]
        rows = self._chain(tx, [prepare(draft) for draft in drafts], now, checkpoint=False)
        return tuple(
            Step(row.seq, draft.turn, draft.kind, now, dict(draft.facts), _given(draft.body), False, row.hash)
            for draft, row in zip(drafts, rows, strict=True)
        )

    def append_prepared(self, tx: Connection, prepared: Sequence[Prepared]) -> None:
        """As :meth:`append_all` for drafts that were checked before; the last gets a signed checkpoint whatever its kind."""
        self._chain(tx, prepared, self._clock.now(), checkpoint=True)

    def _chain(self, tx: Connection, prepared: Sequence[Prepared], now: datetime, *, checkpoint: bool) -> list[StepRow]:
        keys = self._keys.provide(tx, {_key_name(each) for each in prepared})
        tenant, at = self._store.tenant.id, rfc3339(now)
        before = head = head_of(tx, tenant)
        rows: list[StepRow] = []
        signed: list[CheckpointRow] = []
        last = len(prepared) if checkpoint else 0
        for number, each in enumerate(prepared, 1):
            row = _sealed(tenant, head, each, at, keys[_key_name(each)])
            head = Head(row.seq, row.hash)
            rows.append(row)
            if each.kind in SIGNED or number == last:
                unsigned = CheckpointRow(tenant, row.seq, row.hash, at, b"")
                signed.append(unsigned._replace(signature=self._signing_key.sign(unsigned.message())))
        if rows:
            tx.execute(insert(steps), [_values(row) for row in rows])
            if signed:
                tx.execute(insert(checkpoints), [_values(row) for row in signed])
            self._anchor.follow(tx, before, head)
            if self._watch is not None:
                seen = [Seen(row.seq, row.turn, row.kind, row.at, row.facts) for row in rows]
                after_commit(tx, partial(self._watch, self._store.tenant, seen))
        return rows

    def head(self) -> Head:
        """The last step of the chain."""
        with self._store.read() as tx:
            return head_of(tx, self._store.tenant.id)

    def newest(self) -> datetime | None:
        """When the last step of the chain was recorded, by the clock of whoever did; ``None`` for an empty chain."""
        with self._store.read() as tx:
            at = tx.scalar(select(steps.c.at).order_by(steps.c.seq.desc()).limit(1))
        return datetime.fromisoformat(at) if at else None

    def turn(self, turn: str) -> tuple[Step, ...]:
        """The steps of one turn in order, decrypted; :class:`~aver.core.errors.NotFound` when there are none."""
        found = self.turns([turn]).get(turn)
        if not found:
            raise NotFound("There is no such turn, or it is not yours", "Check the id of the turn.")
        return found

    def turns(self, ids: Iterable[str]) -> dict[str, tuple[Step, ...]]:
        """The steps of each of these turns that exists.

        The content of a step is bound to all its columns: one that was changed in the database raises
        :class:`~aver.core.errors.VerificationFailed`. That a step or a key is missing, only :meth:`verify` can tell.
        """
        wanted = list(dict.fromkeys(ids))
        found: dict[str, list[Step]] = {}
        with self._store.read() as tx:
            for start in range(0, len(wanted), _TURNS_A_QUERY):
                rows = steps_of(tx, wanted[start : start + _TURNS_A_QUERY])
                keys = self._keys.open(tx, {row.subject for row in rows})
                for row in rows:
                    found.setdefault(row.turn, []).append(_step(row, keys))
        return {turn: tuple(found[turn]) for turn in wanted if turn in found}

    def at(self, seq: int) -> Step | None:
        """The step with this sequence number. Raises as :meth:`turns` does."""
        with self._store.read() as tx, closing(steps_from(tx, self._store.tenant.id, seq, 1)) as found:
            for row in next(found, []):
                return _step(row, self._keys.open(tx, {row.subject})) if row.seq == seq else None
        return None

    def has_key(self, subject: str) -> bool:
        """Whether there is a data key for this opaque id of a subject."""
        with self._store.read() as tx:
            return bool(self._keys.open(tx, [subject]))

    def of_kind(self, kind: StepKind, since: datetime | None = None, *, after: int = 0) -> Iterator[Step]:
        """Every step of a kind in order, from the moment ``since`` on where it is given and behind the sequence number ``after``, those
        included that are chained meanwhile, in flat memory. Raises as :meth:`turns` does."""
        last, first = after, rfc3339(since) if since else ""
        while True:
            with self._store.read() as tx:
                rows = steps_of_kind(tx, self._store.tenant.id, kind, last, _STEPS_A_QUERY, first)
                keys = self._keys.open(tx, {row.subject for row in rows})
            if not rows:
                return
            last = rows[-1].seq
            for row in rows:
                yield _step(row, keys)

    def proof(self, turn: str) -> Proof:
        """Whether the records of one turn hold; :class:`~aver.core.errors.NotFound` when there are none."""
        with self._store.read() as tx:
            found = prove(tx, self._store.tenant.id, turn, self._keys, signed_by_holder(self._signing_key))
        if found is None:
            raise NotFound("There is no such turn, or it is not yours", "Check the id of the turn.")
        return found

    def latest(self, kind: StepKind, most: int, before: int | None = None) -> list[Step]:
        """The last ``most`` steps of a kind, newest first, those before a sequence number where one is given. At once for kinds that few steps are of
        (:data:`~aver.evidence.store.SPARSE`), however long the chain is. Raises as :meth:`turns` does."""
        with self._store.read() as tx:
            rows = last_of_kind(tx, self._store.tenant.id, kind, most, before)
            keys = self._keys.open(tx, {row.subject for row in rows})
        return [_step(row, keys) for row in rows]

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Walk the whole chain, in flat memory, and report the first record that fails. ``progress(done, total)`` counts steps.

        Checked for each step: its place, the hash of its columns, the hash before it, its content under its subject's key;
        for each turn's end and administrative step its signed checkpoint; for each missing key the step that says it
        was erased; at the end, and against the anchor kept beside the keys, that nothing is cut off.

        Caught is thus any change by someone who can write the database but holds no key. Not caught: whoever can
        read the key directory can forge all of it, which only an export or a fingerprint kept elsewhere shows; steps
        committed just before a crash that left the anchor behind can be cut off; and with the anchor file
        gone (a note says so), or on a replica that never wrote to this ledger, so can any number at the end.
        """
        return Audit(self._store, self._keys, self._signing_key, self._anchor).run(progress)

    def export(self, out: Path, *, with_content: bool = False) -> None:
        """Write the whole chain to one file that :func:`~aver.evidence.verify_export` checks with no database.

        The file holds ciphertext only; ``with_content`` adds to each step that can still be read its content and the key of
        that one step, which proves that it is the content chained. An erasure does not reach into files given away.
        Raises :class:`~aver.core.errors.VerificationFailed` at the first step that does not hold: what is exported is signed.
        """
        keys = self._keys if with_content else None
        write_export(self._store, self._signing_key, self._anchor, self._clock, out, keys)

    def subject_ids(self, tx: Connection, names: Iterable[str]) -> dict[str, str]:
        """The opaque id under which steps of each of these subjects (``user:NAME``) stand, of those that have any content."""
        return self._keys.ids(tx, names)

    def dispose(self, tx: Connection, seqs: Sequence[int], turn: str, facts: Mapping[str, Any]) -> int:
        """Let the content of these steps go, and append what says so, with ``facts``, under ``turn``; how many had content. The chain still
        verifies. The caller scrubs the files in the end, as :meth:`erase` does."""
        found = let_go(tx, self._store.tenant.id, seqs)
        self.append_all(tx, [Draft(turn, "disposed", None, {**facts, **each}) for each in found])
        return sum(each["steps"] for each in found)

    def erase(self, subject: str) -> Step:
        """Destroy the data key of ``subject`` (``user:NAME``): its content can never be read again, the chain still verifies.

        Appends an ``erased`` step that names the subject's opaque id and how many steps became unreadable, then scrubs the
        database files. Raises :class:`~aver.core.errors.NotFound` for a subject without a key; it scrubs even then, because an
        erasure cut off between its commit and its scrub is finished by asking again.
        """
        step = self._destroy(subject) if subject != _TENANT else None
        self._store.scrub()
        if step is None:
            raise NotFound("There is no such subject, or it is erased already", "Write it as user:NAME.")
        return step

    def _destroy(self, subject: str) -> Step | None:
        with self._store.begin() as tx:
            destroyed = self._keys.destroy(tx, subject)
            if destroyed is None:
                return None
            count = tx.execute(select(func.count()).select_from(steps).where(steps.c.subject == destroyed)).scalar_one()
            facts = {"subject": destroyed, "steps": count}
            return self.append(tx, turn=new_id("erasure"), kind="erased", subject=None, facts=facts, body=None)


class Prepared(NamedTuple):
    """A draft that was checked, as it will be stored: ``facts`` in clear, ``body`` to be encrypted."""

    turn: str
    kind: StepKind
    subject: str | None
    facts: str
    body: bytes


def prepare(draft: Draft) -> Prepared:
    """Raises :class:`~aver.core.errors.InvalidInput` and :class:`~aver.core.errors.TooLarge` as :meth:`Ledger.append_all` does."""
    return Prepared(draft.turn, draft.kind, draft.subject, clear_facts(draft.facts), _plaintext(draft.body))


def _key_name(draft: Prepared) -> str:
    return _TENANT if draft.subject is None else draft.subject


def _plaintext(body: Mapping[str, Any] | bytes | None) -> bytes:
    try:
        plaintext = body if isinstance(body, bytes) else canonical_json(None if body is None else dict(body))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The body of a step is not JSON: {error}", "Pass only what JSON can hold.") from None
    if len(plaintext) > _LARGEST_BODY:
        raise TooLarge(f"The body of a step takes {len(plaintext)} bytes of {_LARGEST_BODY}", "Store a digest instead.")
    return plaintext


def _given(body: Mapping[str, Any] | bytes | None) -> dict[str, Any] | None:
    if isinstance(body, bytes):
        return cast("dict[str, Any]", json.loads(body))
    return None if body is None else dict(body)


def _sealed(tenant: str, head: Head, draft: Prepared, at: str, key: DataKey) -> StepRow:
    """``draft`` as the row that follows ``head``."""
    seq = head.seq + 1
    before, after = frame(tenant, seq, draft.turn, draft.kind, at, key.subject, draft.facts, head.hash)
    content = encrypt(key.of_step(seq), draft.body, before + after)
    digest = hashlib.sha256(before + commitment(content) + after).hexdigest()
    return StepRow(tenant, seq, draft.turn, draft.kind, at, key.subject, draft.facts, content, head.hash, digest)


def _values(row: StepRow | CheckpointRow) -> dict[str, Any]:
    values = row._asdict()
    del values["tenant"]  # the database session fills it
    return values


def _step(row: StepRow, keys: Mapping[str, DataKey | None]) -> Step:
    erased = row.subject not in keys or is_disposed(row.content)
    content = b"null" if erased else open_content(row, keys[row.subject])
    try:
        if content is not None:
            at, facts, body = datetime.fromisoformat(row.at), json.loads(row.facts), json.loads(content)
            return Step(row.seq, row.turn, cast(StepKind, row.kind), at, facts, body, erased, row.hash)
    except (TypeError, ValueError):  # columns that no key vouches for any more
        pass
    raise VerificationFailed(f"Step {row.seq} of turn {row.turn} was changed outside Aver", "Run: aver evidence verify")
