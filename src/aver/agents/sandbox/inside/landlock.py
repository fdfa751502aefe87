"""Landlock: what of the file system, and which TCP ports, this process may still reach.

``Documentation/userspace-api/landlock.rst`` of the kernel; each version of its interface knows more rights than the one before, and
all that the running kernel knows are withheld except where they are given back.
"""

from __future__ import annotations

import ctypes
import os
from struct import pack

from .kernel import syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["restrict", "version"]

_BY_VERSION = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files each version has. They are bits from 0 on."""
_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE, _DEVICES = 0x1, 0x2, 0x4, 0x8, 0x4000, 0x8000
_MAKE_DEVICES = 0x40 | 0x800
"""Making character and block devices is given back nowhere."""
_BIND, _CONNECT = 0x1, 0x2
_OTHERS_SOCKETS, _OTHERS_SIGNALS = 0x1, 0x2
_ASK_VERSION, _RULE_PATH, _RULE_PORT = 1, 1, 2


def version() -> int:
    """The version of the kernel's interface; raises ``OSError`` where it has none."""
    return syscall("landlock_create_ruleset", 0, 0, _ASK_VERSION)


def restrict(readable: Sequence[str], writable: Sequence[str], ports: Sequence[int] | None = None) -> int:
    """Keep this process, for good, to reading ``readable`` and doing anything in ``writable``; returns the version in force.

    Paths that do not exist are passed over. With ``ports``, TCP connections go to those alone and nothing is listened on, where the
    version (4) knows ports. From version 6 on, signals and abstract sockets of processes outside are out of reach too. Needs
    ``no_new_privs``; raises ``OSError`` where the kernel has no Landlock.
    """
    known = version()
    files = (1 << max(rights for since, rights in _BY_VERSION.items() if since <= known)) - 1
    network = _BIND | _CONNECT if known >= 4 and ports is not None else 0
    scope = _OTHERS_SOCKETS | _OTHERS_SIGNALS if known >= 6 else 0
    head = pack("QQQ", files, network, scope)[: 8 if known < 4 else 16 if known < 6 else 24]
    rules = syscall("landlock_create_ruleset", ctypes.create_string_buffer(head, len(head)), len(head), 0)
    try:
        for path in readable:
            _allow(rules, path, (_READ | _LIST | _EXECUTE) & files)
        for path in writable:
            _allow(rules, path, files & ~_MAKE_DEVICES & ~_DEVICES)
        for port in ports or () if network else ():
            syscall("landlock_add_rule", rules, _RULE_PORT, _bytes(pack("QQ", _CONNECT, port)), 0)
        syscall("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)
    return known


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not os.path.isdir(path):
            rights &= _EXECUTE | _WRITE | _READ | _TRUNCATE
        syscall("landlock_add_rule", rules, _RULE_PATH, _bytes(pack("=Qi", rights, place)), 0)
    finally:
        os.close(place)


def _bytes(words: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(words, len(words))
