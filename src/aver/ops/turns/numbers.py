"""Sets of turns by their numbers, and values of turns, as they are kept: in blocks, so that any filters are put together by a few operations on bits.

A set of a block is its members' offsets, 16 bits each, where they are few, and else one bit for each turn; the idea is that of Roaring (Chambi, Lemire, Kaser and Godin,
"Better bitmap performance with Roaring bitmaps", 2016).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "Flags", "Integers", "flags", "integers", "packed", "place"]

BLOCK = 8192
"""Turns of a block."""
_FEW = BLOCK // 16
"""Members from which bits take less room than offsets."""
_OFFSETS, _BITS = b"o", b"b"

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


def flags(kept: bytes) -> Flags:
    """The members of a block, as a flag for each of its turns."""
    found = np.zeros(BLOCK, np.bool_)
    place(kept, found, 0)
    return found


def packed(found: Flags) -> bytes:
    """As they are kept."""
    offsets = np.flatnonzero(found)
    if len(offsets) < _FEW:
        return _OFFSETS + offsets.astype("<u2").tobytes()
    return _BITS + np.packbits(found).tobytes()


def place(kept: bytes, into: Flags, block: int) -> None:
    """Raise the flags of the members of a block, among those of all turns."""
    part = into[block * BLOCK : (block + 1) * BLOCK]
    if kept[:1] == _OFFSETS:
        part[np.frombuffer(kept, "<u2", offset=1)] = True
    else:
        part |= np.unpackbits(np.frombuffer(kept, np.uint8, offset=1))[: len(part)].view(np.bool_)


def integers(kept: bytes) -> Integers:
    """Values as they are kept: 64 bits each."""
    return np.frombuffer(kept, "<i8")
