"""Following a chain record by record: the same rules over a database and over an exported file."""

from __future__ import annotations

from collections.abc import Callable

from aver.core.errors import VerificationFailed
from aver.evidence.disposal import Missing, spans_in
from aver.evidence.record import GENESIS, SIGNED, CheckpointRow, StepRow, is_disposed
from aver.evidence.types import Head

__all__ = ["BadRecord", "Chain"]

_NEARBY = 100
"""How far around its place the true place of a moved record is looked for, so that the reason can name it."""


class BadRecord(VerificationFailed):
    """The first record that fails: its sequence number, or ``None`` when it is no step, and the reason."""

    def __init__(self, seq: int | None, reason: str) -> None:
        where = "The evidence" if seq is None else f"Step {seq} of the evidence"
        super().__init__(f"{where} fails: {reason}", "Keep this copy, and compare it with a backup or an export.")
        self.seq = seq
        self.reason = reason


class Chain:
    """The state of a walk: give it every step in order, each checkpoint right after its step, then :meth:`end`.

    Raises :class:`BadRecord` at the first record that does not belong where it stands.
    """

    def __init__(
        self,
        tenant: str,
        signed: Callable[[bytes, bytes], bool],
        anchored: Head | None = None,
        *,
        behind: Head | None = None,
    ) -> None:
        """``signed(message, signature)`` tells whether the tenant's key made the signature; ``anchored`` is a head that the chain
        is known to have had. ``behind``: the walk is of a part of the chain, which begins behind this head; the step that says why content
        is gone may lie outside of it, and is not asked for."""
        self._tenant = tenant
        self._signed = signed
        self._anchored = anchored or Head(0, GENESIS)
        self._owed: int | None = None
        self._missing = Missing()
        self._whole = behind is None
        self.head = behind or Head(0, GENESIS)
        self.checkpoints = 0
        self.signed_to = 0

    @property
    def expected(self) -> int:
        """The step that comes next."""
        return self.head.seq + 1

    @property
    def due(self) -> int:
        """The step that the next record is about: the last one while its checkpoint is owed, else the next."""
        return self.expected if self._owed is None else self._owed

    def step(self, row: StepRow) -> None:
        expected = self.expected
        if self._owed is not None:
            raise BadRecord(self._owed, "its signed checkpoint is missing")
        if type(row.seq) is not int:
            raise BadRecord(expected, f"a record stands here whose sequence number is {row.seq!r:.40}")
        if row.seq > expected:
            raise BadRecord(expected, f"it is missing, or out of order: step {row.seq} stands in its place")
        if row.seq < expected and _digest(row) == row.hash:
            raise BadRecord(row.seq, "it stands here a second time: duplicated, replayed or out of order")
        if row.seq < expected:
            raise BadRecord(expected, f"it was changed: it is numbered {row.seq}")
        if row.tenant != self._tenant:
            raise BadRecord(expected, "it belongs to another tenant")
        if _digest(row) != row.hash:
            raise BadRecord(expected, _why_changed(row))
        if row.prev != self.head.hash:
            raise BadRecord(expected, "it does not follow the step before it: replaced, reordered or replayed")
        if row.seq == self._anchored.seq and row.hash != self._anchored.hash:
            raise BadRecord(expected, "it is not the step that the anchor beside the keys saw: the chain was rewritten")
        self.head = Head(row.seq, row.hash)
        self._owed = row.seq if row.kind in SIGNED else None
        if self._whole and is_disposed(row.content):
            self._missing.add(row.seq)
        if self._whole and row.kind == "disposed":
            self._disposed(row)

    def checkpoint(self, row: CheckpointRow) -> None:
        """The checkpoint of the step just given."""
        seq, digest = self.head
        if row.seq != seq:
            raise BadRecord(self.due, f"a checkpoint of step {row.seq!r:.40} stands after step {seq}")
        if self.signed_to == seq:
            raise BadRecord(seq, "it has two checkpoints")
        if row.tenant != self._tenant:
            raise BadRecord(seq, "its checkpoint belongs to another tenant")
        if row.hash != digest:
            raise BadRecord(seq, "its checkpoint names another hash")
        if type(row.at) is not str or not self._signed(row.message(), row.signature):
            raise BadRecord(seq, "the signature of its checkpoint is not the tenant's")
        self._owed = None
        self.checkpoints += 1
        self.signed_to = seq

    def _disposed(self, row: StepRow) -> None:
        for first, last in spans_in(row.facts):
            there = self._missing.explain(first, last)
            if there is not None:
                raise BadRecord(there, f"its content is there, and step {row.seq} says that it was let go")

    def end(self) -> None:
        unexplained = self._missing.first
        if unexplained is not None:
            raise BadRecord(unexplained, "its content is gone, and no step says that it was let go")
        if self._owed is not None:
            raise BadRecord(self._owed, "its signed checkpoint is missing")
        if self._anchored.seq > self.head.seq:
            seen = self._anchored.seq
            raise BadRecord(self.expected, f"it is missing: the anchor beside the keys saw steps up to {seen}")


def _digest(row: StepRow) -> str | None:
    """The hash of these columns; ``None`` when they hold what no column may."""
    try:
        return row.digest()
    except (TypeError, ValueError):
        return None


def _why_changed(row: StepRow) -> str:
    for seq in range(max(1, row.seq - _NEARBY), row.seq + _NEARBY):
        if _digest(row._replace(seq=seq)) == row.hash:
            return f"it is the record of step {seq} in another place: reordered or replayed"
    return "it was changed: its hash is not that of its columns"
