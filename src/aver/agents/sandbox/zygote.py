"""The process that sandboxes are copies of, from outside: started when the first copy is wanted, and anew where it has ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from aver.agents.sandbox.errors import SandboxUnavailable

__all__ = ["Zygote"]

_ENTRY = "import sys; sys.path.append(sys.argv[1]); from inside.zygote import main; main(*sys.argv[2:])"
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
"""What the interpreter needs to start; the tool does not get it. An arena a thread would reserve memory by the core."""


class Zygote:
    """Told nothing but to copy itself, so that no call can leave anything for another. ``knows`` is what it is started with
    (:func:`aver.agents.sandbox.inside.zygote.main`)."""

    def __init__(self, *knows: str) -> None:
        self._knows = knows
        self._starting = Lock()
        self._owner = 0
        self._control: socket.socket | None = None
        self._end: weakref.finalize[..., Zygote] | None = None

    def copy(self, descriptors: Sequence[int]) -> None:
        """Have a copy made that holds ``descriptors`` and nothing else. It tells of itself.

        Raises :class:`SandboxUnavailable` when no process can be started.
        """
        with self._starting:
            if self._sent(descriptors):
                return
            self._close()  # it has ended, whatever ended it
            if not self._sent(descriptors):
                raise SandboxUnavailable("A sandbox's process ends as it begins", "Free memory, and try again.")

    def close(self) -> None:
        """End it, and none of its copies. Another begins with the next."""
        with self._starting:
            self._close()

    def _close(self) -> None:
        if self._end is not None:
            self._end()
        self._control = self._end = None

    def _sent(self, descriptors: Sequence[int]) -> bool:
        control = self._control
        if control is None or self._owner != os.getpid():
            control = self._start()
        try:
            socket.send_fds(control, [b"+"], descriptors)
        except OSError:
            return False
        return True

    def _start(self) -> socket.socket:
        control, its_end = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _ENTRY, str(Path(__file__).parent), *self._knows]
        try:
            with its_end:
                process = subprocess.Popen(  # noqa: S603 - this interpreter, on a program of our own
                    command,
                    stdin=its_end.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    start_new_session=True,
                )
        except OSError as error:
            control.close()
            cause = f"A sandbox's process cannot be started: {error.strerror}"
            raise SandboxUnavailable(cause, "Free memory, and try again.") from None
        self._owner, self._control = os.getpid(), control
        self._end = weakref.finalize(self, _ended, control, process, self._owner)
        return control


def _ended(control: socket.socket, process: subprocess.Popen[bytes], owner: int) -> None:
    control.close()
    if os.getpid() == owner:  # a fork of this process has the same objects, and no such child
        process.kill()  # it holds nothing, and may be at its imports still
        process.wait()
