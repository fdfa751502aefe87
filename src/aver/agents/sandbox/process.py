"""One process of a sandbox, from outside: told a plan, heard out, and ended with everything that came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from struct import calcsize, pack, unpack
from typing import Any

import orjson

from aver.agents.sandbox.errors import SandboxUnavailable
from aver.agents.sandbox.inside.program import LENGTH

__all__ = ["Process"]

_ENTRY = "import sys; sys.path.append(sys.argv[1]); from inside.program import main; main()"
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"} | {
    name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
}
"""What the interpreter needs to start; the tool does not get it. An arena a thread would reserve memory by the core."""
_PATIENCE = 2.0
"""Seconds for a process that was told to end its tool, and itself."""


class Process:
    """A process that runs one tool once. Its end is the tool's, and that of all processes the tool started."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket | None) -> None:
        self._process = process
        self._channel = channel

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, plan: dict[str, Any], *, hands_over: bool) -> AsyncIterator[Process]:
        """A process that has been sent ``plan``, ended on the way out. ``hands_over``: it will send the socket that it listens on.

        Raises :class:`SandboxUnavailable` when no process can be started.
        """
        ours, theirs = socket.socketpair() if hands_over else (None, None)
        if theirs is not None:
            plan["listener"] = theirs.fileno()
        command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _ENTRY, str(Path(__file__).parent)]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()] if theirs is not None else [],
                start_new_session=True,
            )
        except OSError as error:
            if ours is not None:
                ours.close()
            raise SandboxUnavailable(
                f"A sandbox's process cannot be started: {error.strerror}", "Free memory."
            ) from None
        finally:
            if theirs is not None:
                theirs.close()
        self = cls(process, ours)
        try:
            await self._send(orjson.dumps(plan))
            yield self
        finally:
            await asyncio.shield(self._stop())

    async def _send(self, said: bytes) -> None:
        into = self._process.stdin
        assert into is not None
        with contextlib.suppress(OSError):  # it has ended, and its silence will tell
            into.write(pack(LENGTH, len(said)) + said)
            await into.drain()

    async def heard(self, most: int) -> Any:
        """What it says next, at most ``most`` bytes of JSON. Raises ``EOFError`` when it says nothing more, ``OverflowError`` for more than
        that, and ``ValueError`` for what is no JSON."""
        out = self._process.stdout
        assert out is not None
        try:
            (length,) = unpack(LENGTH, await out.readexactly(calcsize(LENGTH)))
            if length > most:
                raise OverflowError
            return orjson.loads(await out.readexactly(length))
        except asyncio.IncompleteReadError:
            raise EOFError from None

    def listener(self) -> socket.socket:
        """The socket that it listens on, sent before it said that it is ready. Raises ``EOFError`` where there is none."""
        assert self._channel is not None
        self._channel.setblocking(False)
        try:
            _, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except BlockingIOError:
            descriptors = []
        if not descriptors:
            raise EOFError
        return socket.socket(fileno=descriptors[0])

    async def ended(self) -> int:
        """Waits for its end; 128 and more is a signal's number above that."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    async def _stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
