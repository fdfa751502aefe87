"""Whom a tool becomes where Aver is root."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["a_user"]

_USERS, _MANY, _NOBODY = 0x70000000, 2**24, 65534
"""Users that no system gives out, one for each call (systemd's table of user ids leaves them free); and one that all have."""
_NEEDED = 1 << 0 | 1 << 6 | 1 << 7
"""Capabilities by their bits: CAP_CHOWN, CAP_SETGID, CAP_SETUID."""


def a_user() -> int:
    """A user that nobody else is, where this system has room for one; 0 where Aver cannot become another."""
    if not _may_become_another():
        return 0
    spans: Sequence[list[int]] = [
        [int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()
    ]
    for candidate in (_USERS + secrets.randbelow(_MANY), _NOBODY):
        if any(first <= candidate < first + count for first, _, count in spans):
            return candidate
    return 0


def _may_become_another() -> bool:
    """Whether this is root on Linux, with the capabilities for it, which a container may have taken."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    try:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        return int(status["CapEff"], 16) & _NEEDED == _NEEDED
    except (OSError, KeyError):
        return False
