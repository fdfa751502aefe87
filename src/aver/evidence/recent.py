"""The end of a chain verified: so many steps, in bounded time, for whoever looks at a page."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from aver.core.errors import VerificationFailed
from aver.evidence.chain import BadRecord, Chain
from aver.evidence.record import GENESIS
from aver.evidence.rows import checkpoints_between, hash_at, head_of, steps_from
from aver.evidence.signing import signed_by_holder
from aver.evidence.types import Head
from aver.store import TenantStore

__all__ = ["Recent", "verify_recent"]

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Recent:
    """What was found from the step ``first`` to ``last``. ``reason`` says what does not hold; empty where all does."""

    first: int
    last: int
    checkpoints: int
    reason: str


def verify_recent(store: TenantStore, most: int) -> Recent:
    """Check the hashes, the links and the signed checkpoints of the last ``most`` steps. Their content is not opened, and what lies before is taken as it
    stands: :meth:`~aver.evidence.Ledger.verify` looks at all of it. Blocking."""
    tenant = store.tenant.id
    with store.read() as tx:
        head = head_of(tx, tenant)
        first = max(1, head.seq - most + 1)
        before = hash_at(tx, tenant, first - 1) if first > 1 else GENESIS
        chain = Chain(tenant, signed_by_holder(store.signing_key()), behind=Head(first - 1, before or GENESIS))
        try:
            with closing(steps_from(tx, tenant, first, _BATCH)) as batches:
                for rows in batches:
                    signed = checkpoints_between(tx, tenant, rows[0].seq, rows[-1].seq)
                    checkpoint = next(signed, None)
                    for row in rows:
                        chain.step(row)
                        if checkpoint is not None and checkpoint.seq <= row.seq:
                            chain.checkpoint(checkpoint)
                            checkpoint = next(signed, None)
            chain.end()
        except (BadRecord, VerificationFailed) as bad:
            return Recent(first, chain.head.seq, chain.checkpoints, bad.cause)
    return Recent(first, chain.head.seq, chain.checkpoints, "")
