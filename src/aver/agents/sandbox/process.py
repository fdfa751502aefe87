"""One process of a sandbox, from outside: told a plan, heard out, and ended with everything that came of it."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import socket
from collections.abc import AsyncIterator, Sequence
from struct import calcsize, pack, unpack
from typing import Any, BinaryIO

import orjson

from aver.agents.sandbox.finishing import finished
from aver.agents.sandbox.inside.words import LENGTH
from aver.agents.sandbox.zygote import Zygote

__all__ = ["Process"]

_KILLED = 128 + 9


class Process:
    """A process that runs one tool once. Its end is the tool's, and that of all processes the tool started."""

    def __init__(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], channel: socket.socket) -> None:
        self._reader, self._writer = streams
        self._channel = channel
        self._status: int | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, zygote: Zygote, plan: dict[str, Any], printed: Sequence[BinaryIO]) -> AsyncIterator[Process]:
        """A copy of ``zygote`` that has been sent ``plan``, ended on the way out. It prints to the two files of ``printed``.

        Raises :class:`SandboxUnavailable` when no process can be started.
        """
        (talk, its_talk), (channel, its_channel) = socket.socketpair(), socket.socketpair()
        with its_talk, its_channel, channel:
            channel.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=talk)
            try:
                also = [file.fileno() for file in printed]
                zygote.copy([its_talk.fileno(), its_channel.fileno(), *also])
                its_talk.close()
                its_channel.close()
                self = cls((reader, writer), channel)
                try:
                    await self._send(
                        marshal.dumps(orjson.loads(orjson.dumps(plan)))
                    )  # of JSON's own types, whatever is given
                    yield self
                finally:
                    await finished(self._end())
            finally:
                writer.close()

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
        try:
            _, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except BlockingIOError:
            descriptors = []
        if not descriptors:
            raise EOFError
        return socket.socket(fileno=descriptors[0])

    async def ended(self) -> int:
        """Waits for its end, which is that of everything that came of it; 128 and more is a signal's number above that."""
        loop, last = asyncio.get_running_loop(), bytes([_KILLED])
        while self._status is None:
            said = await loop.sock_recv(self._channel, 16)
            last, self._status = said or last, None if said else last[-1]
        return self._status

    async def _end(self) -> None:
        self._writer.transport.abort()  # what it may still wait to be told
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        await self.ended()
