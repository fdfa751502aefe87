"""What a tool's process takes upon itself last, when nothing but the tool remains to be run."""

from __future__ import annotations

import os
import sys

from .refused import Refused

try:
    import resource
except ImportError:  # a platform without limits on a process
    resource = None  # type: ignore[assignment]

if sys.platform == "linux":
    from . import kernel, landlock, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["confine"]

_THREADS = 64
"""That one process may have, where it may have no other process beside it."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def confine(plan: Plan, means: set[str], folder: str) -> None:
    """Put limits, Landlock and the filter of system calls in force, as far as there are any, and add what is to ``means``. ``folder`` is the
    sandbox's own directory.

    Raises :class:`Refused` where the level asks for one that cannot be had.
    """
    is_apart = "namespaces" in means
    if plan["limits"]["processes"] > 1 and "user" not in means:
        raise Refused("user", "the processes of one call cannot be counted, so it may have one")
    first = 1 if os.getuid() == plan["user"] else 2  # a user of this sandbox's own is not that of the process outside
    _limit(plan, counts="user" in means, beside=first if is_apart else 0)
    means.add("limits")
    if sys.platform != "linux":
        return
    kernel.no_new_privileges()
    ports = [plan["proxy"]] if "proxy" in plan else []

    def to_landlock() -> None:
        readable = ["/"] if is_apart else [*plan["libraries"], f"{folder}/tool"]
        landlock.restrict(readable, [*_DEVICES, f"{folder}/work", f"{folder}/tmp"], None if is_apart else ports)

    def to_seccomp() -> None:
        sockets = ["unix", "ip"] if is_apart else ["tcp"] if ports else []
        alone = None if is_apart or "user" in means else os.getpid()
        seccomp.install(forks=plan["limits"]["processes"] > 1, sockets=sockets, only_process=alone)

    for name, put, needed in (("landlock", to_landlock, False), ("seccomp", to_seccomp, plan["level"] == "strict")):
        try:
            if name not in plan["unused"]:
                put()
                means.add(name)
        except OSError as error:
            if needed:
                raise Refused(name, error.strerror or str(error)) from None
        if needed and name not in means:
            raise Refused(name, "told not to use it")


def _limit(plan: Plan, *, counts: bool, beside: int) -> None:
    """Set limits on this process and those it starts. ``counts``: processes are counted for this sandbox alone, ``beside`` of them being
    those that wait for this one."""
    if resource is None:
        raise Refused("limits", "this platform has no limits on a process")
    limits = plan["limits"]
    most = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_FSIZE: limits["disk"],
        resource.RLIMIT_NOFILE: limits["open_files"],
    }
    if counts:
        most[resource.RLIMIT_NPROC] = beside + (limits["processes"] if limits["processes"] > 1 else _THREADS)
    for kind, value in most.items():
        try:
            # the processor's soft limit says what ended the tool, the hard one ends it
            resource.setrlimit(kind, (value, value + 1 if kind == resource.RLIMIT_CPU else value))
        except (OSError, ValueError) as error:
            if kind != resource.RLIMIT_AS or sys.platform == "linux":  # macOS knows no limit on memory
                raise Refused("limits", str(error)) from None
