"""Namespaces: a file system of this sandbox's own, processes, addresses and names that nobody else has."""

from __future__ import annotations

import os

from .kernel import CLONE, Mount, drop_capabilities, end_with_parent, syscall
from .layout import lay
from .refused import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["WITHIN", "become", "enter", "furnish"]

WITHIN = "/sandbox"
"""Where the sandbox's own directory is in a file system of its own: no library is there."""

_KINDS = ("mount", "pid", "network", "ipc", "uts")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_KILL = 9
_INSIDE = 1000
"""The user that a sandbox is, as seen from within, where it is not a user of its own outside."""


def enter() -> None:
    """Leave the namespaces of the parent, with root's rights or else those of a new user namespace; the next process forked is the first
    of its kind. Raises :class:`Refused`."""
    user, group = os.getuid(), os.getgid()
    flags = sum(CLONE[kind] for kind in _KINDS)
    try:
        if user == 0:
            try:
                syscall("unshare", flags)
            except PermissionError:
                if _is_root_of_all():
                    raise
                # root within a user namespace already, which may have another
            else:
                return
        syscall("unshare", flags | CLONE["user"])
        for name, words in (
            ("setgroups", "deny"),
            ("uid_map", f"{_INSIDE} {user} 1"),
            ("gid_map", f"{_INSIDE} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(words)
    except OSError as error:
        raise Refused("namespaces", f"{error.filename or 'unshare'}: {error.strerror}") from None


def furnish(plan: Plan) -> None:
    """Make a root directory that holds the libraries, read only, and the sandbox's own directory, and nothing else; then give up every
    privilege. Raises :class:`Refused`."""
    root, user = plan["folder"], plan["user"]
    try:
        Mount.make("", "/", flags=Mount.RECURSIVE | Mount.PRIVATE)
        options = f"mode=0755,size={plan['limits']['disk']},nr_inodes={plan['limits']['inodes'] + 256}"
        Mount.make("tmpfs", root, "tmpfs", Mount.NO_SUID | Mount.NO_DEVICES, options)
        for path in plan["libraries"]:
            _bind(path, root + path)
            Mount.restrict(root + path, "read_only", "no_suid", "no_devices", recursive=True)
        for path in _DEVICES:
            _bind(path, root + path)
        for name in ("lib", "lib64"):
            if os.path.islink(f"/{name}") and not os.path.lexists(f"{root}/{name}"):
                os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        lay(root + WITHIN, plan)
        if not os.path.lexists(f"{root}/tmp"):
            os.symlink(f"{WITHIN}/tmp", f"{root}/tmp")
        for name in ("tmp", "work"):
            Mount.make(f"{root}{WITHIN}/{name}", f"{root}{WITHIN}/{name}", flags=Mount.BIND)
        Mount.restrict(root, "read_only", "no_suid", "no_devices")
        Mount.become_root(root)
        os.umask(0o077)
        become(user)
    except OSError as error:
        raise Refused("namespaces", f"{error.filename or 'setup'}: {error.strerror}") from None


def become(user: int) -> None:
    """As root, become that user; in any case, keep no capability, and end with the parent."""
    if os.getuid() == 0 and user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    drop_capabilities()
    end_with_parent(_KILL)  # which a change of user has undone


def _is_root_of_all() -> bool:
    """Whether root here is root outside every user namespace: nothing would count such a sandbox's processes."""
    with open("/proc/self/uid_map") as file:
        return file.readline().split()[1] == "0"


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "ab"):
            pass
    Mount.make(source, target, flags=Mount.BIND | Mount.RECURSIVE)
