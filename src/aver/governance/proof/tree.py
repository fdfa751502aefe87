"""The tree over the hashes of steps, as RFC 9162 has it (sections 2.1.1 and 2.1.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from aver.governance.proof.terms import Bad

__all__ = ["Frontier", "consistent", "leaf", "node"]


def leaf(step_hash: str) -> bytes:
    """A step's place in the tree, of its hash in hexadecimal."""
    return hashlib.sha256(b"\0" + bytes.fromhex(step_hash)).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """The tree over all steps so far, kept as the roots of its perfect parts from left to right: one for each bit of ``size``."""

    def __init__(self, size: int = 0, parts: Iterable[str] = ()) -> None:
        self.size = size
        self._parts = [bytes.fromhex(each) for each in parts]
        if len(self._parts) != size.bit_count() or any(len(each) != 32 for each in self._parts):
            raise Bad(f"no tree of {size} steps has {len(self._parts)} parts")

    def add(self, step_hash: str) -> None:
        found, size = leaf(step_hash), self.size
        while size & 1:
            found, size = node(self._parts.pop(), found), size >> 1
        self._parts.append(found)
        self.size += 1

    @property
    def parts(self) -> list[str]:
        return [each.hex() for each in self._parts]

    @property
    def root(self) -> str:
        """In hexadecimal; of no steps, the hash of nothing."""
        if not self._parts:
            return hashlib.sha256(b"").hexdigest()
        found = self._parts[-1]
        for each in reversed(self._parts[:-1]):
            found = node(each, found)
        return found.hex()


def consistent(first: int, root: str, second: int, later: str, path: Sequence[str]) -> bool:
    """Whether the tree of ``second`` steps with the root ``later`` begins with that of ``first`` steps with ``root``, by ``path``
    (RFC 9162, section 2.1.4.2)."""
    if first == second:
        return root == later and not path
    if not 0 < first < second or not path:
        return first == 0
    proof = [bytes.fromhex(each) for each in path]
    if first & (first - 1) == 0:
        proof.insert(0, bytes.fromhex(root))
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for each in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(each, fr), node(each, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, each)
        fn, sn = fn >> 1, sn >> 1
    return fr.hex() == root and sr.hex() == later and sn == 0
