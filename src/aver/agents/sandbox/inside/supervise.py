"""How a process waits for another, and takes all that comes of it along when it ends, or when nobody asks for it any more."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the same without the names of enum, whose import takes longer than all that is done here
import os
import select

__all__ = ["await_first", "supervise", "unwatch", "watch"]


def watch() -> tuple[int, int]:
    """Before forking what :func:`supervise` is to wait for: a pipe that can be read once a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading, writing


def unwatch(pipe: tuple[int, int]) -> None:
    """In the process forked."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in pipe:
        os.close(end)


def supervise(child: int, pipe: tuple[int, int], channel: int) -> int:
    """Wait for ``child``, end it when the other end of ``channel`` is closed, then end every process that came of it. Returns its exit
    status, or 128 more than a signal's number."""
    waiting = select.poll()
    for each in (pipe[0], channel):
        waiting.register(each, select.POLLIN)
    status = None
    while status is None:
        ready = [descriptor for descriptor, _ in waiting.poll()]
        if pipe[0] in ready:
            os.read(pipe[0], 512)
            status = _ended(child)
        if status is None and channel in ready:
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
