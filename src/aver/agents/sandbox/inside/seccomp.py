"""A filter of system calls: those that no tool has business with are refused, those newer than this file do not exist.

Classic BPF over ``struct seccomp_data`` (number, architecture, instruction pointer, six arguments), as in the kernel's
``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import ctypes
import errno
from struct import pack

from .kernel import ARCHITECTURE, CLONE, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["install", "program"]

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
"""Numbers from here on are the x32 interface to the same calls: a way around any filter of numbers."""
_NEWEST = 462
"""The last call that this file knows: mseal(2). Later ones answer ``ENOSYS``, as on a kernel that is older than they are."""

_KILL, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_Instruction = tuple[int, int, int, int]

_REFUSED: dict[str, tuple[int, int | None]] = {
    # other processes, and this one from outside
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "pidfd_getfd": (438, 438), "userfaultfd": (323, 282),
    # mounts, namespaces, roots
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "swapon": (167, 224), "swapoff": (168, 225),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "statmount": (457, 457), "listmount": (458, 458),
    # the kernel itself
    "bpf": (321, 280), "perf_event_open": (298, 241), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "syslog": (103, 116), "acct": (163, 89), "personality": (135, 92), "lookup_dcookie": (212, 18), "vhangup": (153, 58),
    "uselib": (134, None), "sysfs": (139, None), "_sysctl": (156, None), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "nfsservctl": (180, 42), "ustat": (136, None),
    # keys, clocks, names, memory of other nodes, and rings, which run calls that no filter sees
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "mbind": (237, 235), "set_mempolicy": (238, 237), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "memfd_secret": (447, 447),
}  # fmt: skip
_CHECKED: dict[str, tuple[int, int | None]] = {
    "clone": (56, 220), "clone3": (435, 435), "fork": (57, None), "vfork": (58, None), "socket": (41, 198),
    "kill": (62, 129), "tgkill": (234, 131), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "setpgid": (109, 154), "setsid": (112, 157),
    "fcntl": (72, 25), "ioctl": (16, 29), "prlimit64": (302, 261), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
}  # fmt: skip

_UNIX, _IPV4, _IPV6, _STREAM, _RAW, _KIND_OF_SOCKET = 1, 2, 10, 1, 3, 0xF
_THREAD = 0x10000
_OWNERS = {"fcntl": (8, 10, 15), "ioctl": (0x8901, 0x8902)}
"""F_SETOWN, F_SETSIG, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP: to have the kernel signal another process when a file is ready."""
_ON_PROCESS = ("prlimit64", "sched_setparam", "sched_setscheduler", "sched_setaffinity", "sched_setattr")
"""Calls on a process by its number, 0 being this one."""


def install(*, forks: bool, sockets: Sequence[str], only_process: int | None = None) -> None:
    """Put the filter in force for this process and its threads, for good; raises ``OSError`` where the kernel has none.

    ``forks`` allows processes beside this one (threads are always allowed). ``sockets`` are families to allow: ``unix``, and ``ip`` or
    ``tcp``, raw ones never. With ``only_process``, signals go to that process alone, and no other's limits or priority are changed.
    """
    words = b"".join(pack("HBBI", *each) for each in program(forks, sockets, only_process))
    kept = ctypes.create_string_buffer(words, len(words))
    head = ctypes.create_string_buffer(pack("HxxxxxxQ", len(words) // 8, ctypes.addressof(kept)), 16)
    syscall("seccomp", _SET_MODE_FILTER, _ALL_THREADS, head)


def program(
    forks: bool, sockets: Sequence[str], only_process: int | None = None, architecture: str = ARCHITECTURE
) -> list[_Instruction]:
    """The filter, as instructions (code, jump if true, jump if false, constant)."""
    if architecture not in _AUDIT:
        raise OSError(errno.ENOSYS, f"no table of system calls for {architecture}")
    column = list(_AUDIT).index(architecture)
    refuse, absent, again = _returning(errno.EPERM), _returning(errno.ENOSYS), _returning(errno.EAGAIN)
    found: list[_Instruction] = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _AUDIT[architecture]), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
        (_AT_LEAST, 0, 1, _NEWEST + 1), absent,
    ]  # fmt: skip

    def on(name: str, *then: _Instruction) -> None:
        number = (_REFUSED | _CHECKED)[name][column]
        if number is not None:
            found.extend([(_EQUAL, 0, len(then), number), *then])

    for name in _REFUSED:
        on(name, refuse)
    on("clone3", absent)  # its flags lie in memory, where no filter sees them; libraries go on with clone
    on("clone", *_clone(forks, refuse, again))
    for name in () if forks else ("fork", "vfork"):
        on(name, again)
    on("socket", *_socket(sockets))
    if only_process is not None:
        for name in ("kill", "tgkill"):
            on(name, (_LOAD, 0, 0, _argument(0)), (_EQUAL, 0, 1, only_process), _ALLOWED, refuse)
        for name in ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "setsid", "setpgid"):
            on(name, refuse)
        for name in ("setpriority", "ioprio_set"):
            on(name, refuse)
        for name in _ON_PROCESS:
            own = ((_EQUAL, 1, 0, 0), (_EQUAL, 0, 1, only_process), _ALLOWED, refuse)
            on(name, (_LOAD, 0, 0, _argument(0)), *own)
        for name, commands in _OWNERS.items():
            ways = [step for command in commands for step in ((_EQUAL, 0, 1, command), refuse)]
            on(name, (_LOAD, 0, 0, _argument(1)), *ways, _ALLOWED)
    return [*found, _ALLOWED]


_ALLOWED: _Instruction = (_RETURN, 0, 0, _ALLOW)


def _returning(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERROR | number)


def _argument(index: int) -> int:
    """Where the lower half of an argument lies; all that is looked at here has 32 bits."""
    return 16 + 8 * index


def _clone(forks: bool, refuse: _Instruction, again: _Instruction) -> Iterable[_Instruction]:
    spaces = sum(CLONE.values())
    yield from ((_LOAD, 0, 0, _argument(0)), (_AND, 0, 0, spaces), (_EQUAL, 1, 0, 0), refuse)
    if not forks:
        yield from ((_LOAD, 0, 0, _argument(0)), (_AND, 0, 0, _THREAD), (_EQUAL, 0, 1, 0), again)
    yield _ALLOWED


def _socket(families: Sequence[str]) -> Iterable[_Instruction]:
    refuse, unknown = _returning(errno.EPERM), _returning(errno.EAFNOSUPPORT)
    allowed = {"unix": [_UNIX], "ip": [_IPV4, _IPV6], "tcp": [_IPV4, _IPV6]}
    numbers = [number for family in families for number in allowed[family]]
    yield (_LOAD, 0, 0, _argument(0))
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        yield (_EQUAL, left, 0, number)
    yield unknown
    yield from ((_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _KIND_OF_SOCKET))
    if "tcp" in families:
        yield (_EQUAL, 1, 0, _STREAM)
    else:
        yield (_EQUAL, 0, 1, _RAW)
    yield refuse
    yield _ALLOWED
