"""Identifiers that sort by time: a prefix naming the noun, then a ULID in lower-case Crockford base 32."""

from __future__ import annotations

import threading
import time

from aver.core.randomness import random_bytes

__all__ = ["new_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
"""Two characters for ten bits: half the work of one for five."""
_SHIFTS = tuple(range(120, -1, -10))
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """``turn_01jd...``: 48 bits of milliseconds, then 80 random bits; strictly increasing within a process.

    Layout after the ULID specification (https://github.com/ulid/spec); 26 characters follow the prefix.
    """
    global _last  # noqa: PLW0603 - the one counter of the process, under its lock
    fresh = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(random_bytes(10))
    with _lock:
        # Two ids of one millisecond, or a clock that stepped back: count on from the last one.
        _last = fresh if fresh >> 80 > _last >> 80 else _last + 1
        value = _last
    return f"{prefix}_" + "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
