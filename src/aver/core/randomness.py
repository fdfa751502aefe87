"""Random bytes for ids and nonces, taken from the system many at a time: asking it for each costs more than what they are for."""

from __future__ import annotations

import os
import threading

__all__ = ["random_bytes"]

_POOL = 8192
_lock = threading.Lock()
_pool = b""
_at = 0


def random_bytes(count: int) -> bytes:
    """``count`` bytes of :func:`os.urandom`, given once. Not for keys: what waits in the pool can be read from memory."""
    global _pool, _at  # noqa: PLW0603 - the one pool of the process, under its lock
    with _lock:
        if _at + count > len(_pool):
            _pool, _at = os.urandom(max(_POOL, count)), 0
        _at += count
        return _pool[_at - count : _at]


def _empty() -> None:
    global _pool, _lock
    _pool, _lock = b"", threading.Lock()


os.register_at_fork(after_in_child=_empty)  # a child must not give what its parent gives
