"""Whether the records of one turn hold by themselves: each its hash, its place behind the record before it, its content, and at its end the signed checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from aver.evidence.keys import Keyring, open_content
from aver.evidence.record import GENESIS, SIGNED, StepRow
from aver.evidence.rows import checkpoints_between, hash_at, steps_of

__all__ = ["Proof", "prove"]


@dataclass(frozen=True, slots=True)
class Proof:
    """``seq`` is the place of the turn's last record and ``hash`` its hash; ``sealed`` whether it ended under a signed checkpoint. ``problem`` names the first thing
    that does not hold. That nothing is missing from the chain elsewhere, only verifying all of it can tell."""

    seq: int
    hash: str
    sealed: bool
    verified: bool
    problem: str = ""


def prove(
    tx: Connection, tenant: str, turn: str, keys: Keyring, signed: Callable[[bytes, bytes], bool]
) -> Proof | None:
    """Of a turn that has records; else ``None``."""
    rows = steps_of(tx, [turn])
    if not rows:
        return None
    last = next((row for row in reversed(rows) if row.kind in SIGNED), rows[-1])
    problem = next(_problems(tx, tenant, rows, keys, signed), "")
    return Proof(last.seq, last.hash, last.kind in SIGNED, not problem, problem)


def _problems(
    tx: Connection, tenant: str, rows: Sequence[StepRow], keys: Keyring, signed: Callable[[bytes, bytes], bool]
) -> Iterator[str]:
    known = keys.open(tx, {row.subject for row in rows})
    for row in rows:
        before = hash_at(tx, tenant, row.seq - 1) if row.seq > 1 else GENESIS
        if row.digest() != row.hash:
            yield f"record {row.seq:,} was changed"
        if row.prev != before:
            yield f"record {row.seq:,} does not follow the one before it"
        if row.subject in known and (key := known[row.subject]) is not None and open_content(row, key) is None:
            yield f"the content of record {row.seq:,} was replaced"
        if row.kind in SIGNED:
            found = next(checkpoints_between(tx, tenant, row.seq, row.seq), None)
            if found is None or found.hash != row.hash or not signed(found.message(), found.signature):
                yield f"record {row.seq:,} has no checkpoint that the tenant's key signed"
