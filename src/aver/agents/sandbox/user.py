"""Whom a tool becomes where Aver is root."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

__all__ = ["a_user"]

_USERS, _MANY, _NOBODY = 0x70000000, 2**24, 65534
"""Users that no system gives out, one for each call (systemd's table of user ids leaves them free); and one that all have."""


def a_user() -> int:
    """A user that nobody else is, where this system has room for one; 0 where Aver is not root, and cannot become another."""
    if os.geteuid() != 0:
        return 0
    try:
        spans: Sequence[list[int]] = [
            [int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()
        ]
    except OSError:
        return _NOBODY
    for candidate in (_USERS + secrets.randbelow(_MANY), _NOBODY):
        if any(first <= candidate < first + count for first, _, count in spans):
            return candidate
    return 0
