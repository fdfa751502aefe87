"""One process of a sandbox, from outside: told a plan, heard out, and ended with everything that came of it."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from struct import calcsize, pack, unpack
from typing import Any, BinaryIO

import orjson

from aver.agents.sandbox.errors import SandboxUnavailable
from aver.agents.sandbox.finishing import finished
from aver.agents.sandbox.inside.words import LENGTH

__all__ = ["Process"]

_ENTRY = "import sys; sys.path.append(sys.argv[1]); from inside.program import main; main()"
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
"""What the interpreter needs to start; the tool does not get it. An arena a thread would reserve memory by the core."""
_PATIENCE = 60.0
"""Seconds for a process that was told to end its tool, and itself. It takes milliseconds, unless the machine has none to spare."""


class Process:
    """A process that runs one tool once. Its end is the tool's, and that of all processes the tool started."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        channel: socket.socket,
    ) -> None:
        self._process = process
        self._reader, self._writer = streams
        self._channel = channel

    @classmethod
    @contextlib.asynccontextmanager
    async def started(
        cls, plan: dict[str, Any], printed: Sequence[BinaryIO], *, hands_over: bool
    ) -> AsyncIterator[Process]:
        """A process that has been sent ``plan``, ended on the way out. It prints to the two files of ``printed``. ``hands_over``: it will
        send the socket that it listens on.

        Raises :class:`SandboxUnavailable` when no process can be started.
        """
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            (talk, its_talk), (channel, its_channel) = socket.socketpair(), socket.socketpair()
            for stack, ends in ((ours, (talk, channel)), (theirs, (its_talk, its_channel))):
                for end in ends:
                    stack.enter_context(end)
            plan["printed"] = also = [file.fileno() for file in printed]
            if hands_over:
                plan["listener"] = its_channel.fileno()
                also = [*also, its_channel.fileno()]
            reader, writer = await asyncio.open_connection(sock=talk)
            ours.callback(writer.close)
            process = _start(its_talk, also)
            theirs.close()
            self = cls(process, (reader, writer), channel)
            try:
                await self._send(
                    marshal.dumps(orjson.loads(orjson.dumps(plan)))
                )  # of JSON's own types, whatever is given
                yield self
            finally:
                await finished(_end(process))

    async def _send(self, said: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended, and its silence will tell
            self._writer.write(pack(LENGTH, len(said)) + said)
            await self._writer.drain()

    async def heard(self, most: int) -> Any:
        """What it says next, at most ``most`` bytes of JSON. Raises ``EOFError`` when it says nothing more, ``OverflowError`` for more than
        that, and ``ValueError`` for what is no JSON."""
        try:
            (length,) = unpack(LENGTH, await self._reader.readexactly(calcsize(LENGTH)))
            if length > most:
                raise OverflowError
            return orjson.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EOFError from None

    def listener(self) -> socket.socket:
        """The socket that it listens on, sent before it said that it is ready. Raises ``EOFError`` where there is none."""
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
        code = await asyncio.to_thread(self._process.wait)
        return code if code >= 0 else 128 - code


def _start(talk: socket.socket, also: list[int]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _ENTRY, str(Path(__file__).parent)]
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, on a program of our own
            command,
            stdin=talk.fileno(),
            stdout=talk.fileno(),
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            pass_fds=also,
            start_new_session=True,
        )
    except OSError as error:
        cause = f"A sandbox's process cannot be started: {error.strerror}"
        raise SandboxUnavailable(cause, "Free memory, and try again.") from None


async def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    # Popen's own timeout looks again after a while, each time after a longer one; this wakes as soon as the process has ended.
    ending = asyncio.ensure_future(asyncio.to_thread(process.wait))
    await asyncio.wait({ending}, timeout=_PATIENCE)
    if not ending.done():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await ending
