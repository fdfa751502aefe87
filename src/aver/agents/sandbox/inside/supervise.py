"""How a process waits for another, and takes all that comes of it along when it ends, or is told to end."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the same without the names of enum, whose import takes longer than all that is done here
import os

__all__ = ["await_first", "block", "supervise", "unblock"]

_WATCHED = {signal.SIGCHLD, signal.SIGTERM}


def block() -> None:
    """Before forking what :func:`supervise` is to wait for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)


def unblock() -> None:
    """In the process forked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def supervise(child: int) -> int:
    """Wait for ``child``, end it at ``SIGTERM``, then end every process that came of it. Returns its exit status, or 128 more than a
    signal's number."""
    status = None
    while status is None:
        got = signal.sigwait(_WATCHED)
        if got == signal.SIGCHLD:
            status = _ended(child)
        else:
            _kill(child)
            status = _code(os.waitpid(child, 0)[1])
    while others := _children():
        for other in others:
            _kill(other)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    return status


def await_first(child: int) -> int:
    """As the first process of a namespace: wait for ``child``, and for those whose parents ended meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == child:
            return _code(status)


def _ended(child: int) -> int | None:
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == 0:
            return None
        if ended == child:
            return _code(status)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _children() -> list[int]:
    """Processes whose parent this is, those included that lost theirs. Empty where the system does not tell."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []
