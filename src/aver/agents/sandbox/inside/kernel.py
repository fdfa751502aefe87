"""System calls that Python has no function for. Linux alone; numbers are those of x86-64 and AArch64."""

from __future__ import annotations

import ctypes
import os

__all__ = [
    "ARCHITECTURE",
    "CLONE",
    "Mount",
    "adopt_orphans",
    "drop_capabilities",
    "end_with_parent",
    "no_new_privileges",
    "syscall",
]

_libc = ctypes.CDLL(None, use_errno=True)

ARCHITECTURE = os.uname().machine
_NUMBERS = {"pivot_root": {"x86_64": 155, "aarch64": 41}, "capset": {"x86_64": 126, "aarch64": 91}}
_NUMBERS |= {"seccomp": {"x86_64": 317, "aarch64": 277}, "unshare": {"x86_64": 272, "aarch64": 97}}
_SINCE_ONE_TABLE = {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
"""Calls that came after the tables of all architectures were made one."""

CLONE = {"time": 0x80, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000}
CLONE |= {"user": 0x10000000, "pid": 0x20000000, "network": 0x40000000}
"""Flags of the kinds of namespaces, for ``unshare`` and ``clone``."""

_SET_PARENT_DEATH, _SET_NO_NEW_PRIVILEGES, _SET_SUBREAPER, _DROP_BOUNDING = 1, 38, 36, 24
_LAST_CAPABILITY = 63
_ATTRIBUTES = {"read_only": 0x1, "no_suid": 0x2, "no_devices": 0x4}
"""Of a mount, for ``mount_setattr``."""


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call the kernel by name; raises ``OSError`` of what it answers, and with ``ENOSYS`` on an architecture not known here."""
    number = _SINCE_ONE_TABLE.get(name) or _NUMBERS[name].get(ARCHITECTURE, -1)
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *words), name)


def _prctl(option: int, argument: int = 0) -> int:
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero), f"prctl {option}")


def no_new_privileges() -> None:
    """From here on no program that this process runs gives it privileges that it has not."""
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)


def end_with_parent(signal: int) -> None:
    """Be sent ``signal`` when the parent ends."""
    _prctl(_SET_PARENT_DEATH, signal)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_SET_SUBREAPER, 1)


def drop_capabilities() -> None:
    """Give up every capability, and that of gaining one."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            _prctl(_DROP_BOUNDING, capability)
        except OSError:  # past the last one of this kernel, or one that was not held
            break
    header = ctypes.create_string_buffer((0x20080522).to_bytes(4, "little") + bytes(4))  # _LINUX_CAPABILITY_VERSION_3
    syscall("capset", header, ctypes.create_string_buffer(24))


class Mount:
    """What ``mount(2)`` and its neighbours do, by flags of its manual page."""

    NO_SUID, NO_DEVICES, BIND, RECURSIVE, PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
    _AT_FDCWD, _AT_RECURSIVE, _DETACH = -100, 0x8000, 2

    @staticmethod
    def make(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
        words = [word.encode() or None for word in (source, target, kind)]
        _checked(_libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")

    @classmethod
    def restrict(cls, target: str, *attributes: str, recursive: bool = False) -> None:
        """Set attributes (``read_only``, ``no_suid``, ``no_devices``) of a mount, or of it and all below."""
        setting = sum(_ATTRIBUTES[name] for name in attributes)
        words = ctypes.create_string_buffer(setting.to_bytes(8, "little") + bytes(24), 32)
        flags = cls._AT_RECURSIVE if recursive else 0
        syscall("mount_setattr", cls._AT_FDCWD, target.encode(), flags, words, 32)

    @classmethod
    def become_root(cls, folder: str) -> None:
        """Make ``folder``, a mount, the root directory, and forget the old one."""
        os.chdir(folder)
        syscall("pivot_root", b".", b".")
        _checked(_libc.umount2(b".", cls._DETACH), "umount")
        os.chdir("/")


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
