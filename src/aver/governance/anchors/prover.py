"""Proofs over the tree of a chain: made from the hashes of steps, checked by :mod:`aver.governance.proof.tree`.

The chain of hashes is linear: to show that one of its states grew out of another takes every step between the two. The tree over the same
hashes shows it in a few dozen hashes, however many steps there are: RFC 9162, sections 2.1.3 and 2.1.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import Connection, select

from aver.core.errors import InvalidInput, VerificationFailed
from aver.evidence.store import steps
from aver.governance.proof.tree import Frontier, leaf, node
from aver.store import TenantStore

__all__ = ["StepTree", "hashes_of"]

_BLOCK = 256
"""Leaves of which only the root is kept: 32 KiB for a quarter of a million steps."""
_BATCH = _BLOCK * 40


def hashes_of(tx: Connection, tenant: str, first: int, last: int) -> list[str]:
    """The hashes of the steps from ``first`` to ``last`` as they stand. Raises :class:`~aver.core.errors.VerificationFailed` where one is missing."""
    query = select(steps.c.hash).where(steps.c.tenant == tenant, steps.c.seq >= first, steps.c.seq <= last)
    found = [str(each) for each in tx.scalars(query.order_by(steps.c.seq))]
    if len(found) != last - first + 1 or any(len(each) != 64 for each in found):
        raise VerificationFailed(
            f"Steps from {first:,} to {last:,} of the evidence are missing or damaged", "Run: aver evidence verify"
        )
    return found


class StepTree:
    """The tree over the first ``size`` steps of a tenant's chain, read once. Blocking; ``size`` may not lie behind the end of the chain."""

    def __init__(self, store: TenantStore, size: int) -> None:
        self._store = store
        self.size = size
        self._blocks: list[bytes] = []
        self.head = "0" * 64
        """The hash of the last step."""
        with store.read() as tx:
            for first in range(1, size + 1, _BATCH):
                found = hashes_of(tx, store.tenant.id, first, min(first + _BATCH - 1, size))
                self.head = found[-1]
                for start in range(0, len(found) - _BLOCK + 1, _BLOCK):
                    block = Frontier()
                    for each in found[start : start + _BLOCK]:
                        block.add(each)
                    self._blocks.append(bytes.fromhex(block.root))
        self._leaves = lru_cache(64)(self._read_block)
        self._perfect = lru_cache(1 << 16)(self._perfect_root)

    def root(self, size: int | None = None) -> str:
        """The root of the tree over the first ``size`` steps, hexadecimal; of all, if left out."""
        wanted = self.size if size is None else size
        self._within(wanted)
        return self._range(0, wanted).hex() if wanted else Frontier().root

    def parts(self, size: int) -> list[str]:
        """What :class:`~aver.governance.proof.tree.Frontier` keeps of the tree over the first ``size`` steps."""
        self._within(size)
        found, start = list[str](), 0
        for bit in reversed(range(size.bit_length())):
            if size >> bit & 1:
                found.append(self._range(start, start + (1 << bit)).hex())
                start += 1 << bit
        return found

    def consistency(self, first: int, second: int) -> list[str]:
        """The proof that the tree over ``second`` steps begins with that over ``first`` (RFC 9162, section 2.1.4.1)."""
        self._within(first)
        self._within(second)
        if not 0 < first <= second:
            raise InvalidInput(f"{first:,} steps cannot come before {second:,}", "Name the earlier state first.")
        return [self._range(start, end).hex() for start, end in _consistency(first, 0, second, whole=True)]

    def inclusion(self, seq: int, size: int) -> list[str]:
        """The proof that the step ``seq`` is in the tree over ``size`` steps (RFC 9162, section 2.1.3.1)."""
        self._within(size)
        if not 0 < seq <= size:
            raise InvalidInput(f"Step {seq:,} is not among the first {size:,}", "Name a larger state.")
        return [self._range(start, end).hex() for start, end in _inclusion(seq - 1, 0, size)]

    def _within(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise InvalidInput(f"The chain has {self.size:,} steps, not {size:,}", "Name a state that it has had.")

    def _range(self, start: int, end: int) -> bytes:
        """The root over the leaves from ``start`` on and before ``end``, both counted from 0."""
        length = end - start
        if length & (length - 1) == 0 and start % length == 0:
            return self._perfect(start, length)
        middle = start + _below(length)
        return node(self._range(start, middle), self._range(middle, end))

    def _perfect_root(self, start: int, length: int) -> bytes:
        if length == _BLOCK and start // _BLOCK < len(self._blocks):
            return self._blocks[start // _BLOCK]
        if length == 1:
            return leaf(self._leaves(start // _BLOCK)[start % _BLOCK])
        half = length // 2
        return node(self._perfect(start, half), self._perfect(start + half, half))

    def _read_block(self, number: int) -> list[str]:
        first = number * _BLOCK + 1
        with self._store.read() as tx:
            return hashes_of(tx, self._store.tenant.id, first, min(first + _BLOCK - 1, self.size))


def _below(length: int) -> int:
    """The largest power of two below ``length``."""
    return 1 << (length - 1).bit_length() - 1


def _consistency(first: int, start: int, end: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    length = end - start
    if first == length:
        if not whole:
            yield start, end
        return
    middle = _below(length)
    if first <= middle:
        yield from _consistency(first, start, start + middle, whole=whole)
        yield start + middle, end
    else:
        yield from _consistency(first - middle, start + middle, end, whole=False)
        yield start, start + middle


def _inclusion(index: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    if end - start <= 1:
        return
    middle = start + _below(end - start)
    if index < middle:
        yield from _inclusion(index, start, middle)
        yield middle, end
    else:
        yield from _inclusion(index, middle, end)
        yield start, middle
