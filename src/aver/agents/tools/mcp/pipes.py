"""An MCP server as a program of its own, spoken to over its pipes: it is given nothing that was not declared, and bounded in all it says.

The transport is that of https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio. The library's own keeps a line of
any length and hands on ``HOME``, ``USER`` and ``PATH``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from aver.agents.tools.mcp.lines import TOO_LONG, Lines
from aver.agents.tools.mcp.messages import Hearing, Message, is_reply, notification, read, write
from aver.agents.tools.secrecy import Mask
from aver.agents.tools.text import clean
from aver.core.errors import Unavailable, Undecided

__all__ = ["Pipes"]

_PIECE = 2**16
_TAIL = 4096
"""Bytes that are kept of what it writes to its error stream, the last ones."""
_UNREAD = 2**24
"""Bytes that may wait until a server reads them."""
_LAST_WORDS = 0.2
"""Seconds in which the rest of its error stream is read once it has ended."""
_GRACE = 1.0
"""Seconds that a server has to end once its input has, and again once it was told to."""


class Pipes:
    """A running server. Its process and all that it started, as far as they stay in its group, end with the channel."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, largest: int, hearing: Hearing, mask: Mask
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.name = name
        self.version = ""
        self._process = process
        self._input, self._output, self._errors = process.stdin, process.stdout, process.stderr
        self._lines = Lines(largest)
        self._hearing = hearing
        self._mask = mask
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._tail = b""
        self._ended = False
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._keep_tail())]

    @classmethod
    async def started(
        cls,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        largest: int,
        hearing: Hearing,
        mask: Mask,
    ) -> Pipes:
        """``command``, looked up where Aver looks programs up, run in ``folder`` with ``environment`` and nothing else of Aver's.
        ``largest`` bytes of one message are read.

        Raises :class:`~aver.core.errors.Unavailable` where it cannot be started.
        """
        program = command[0] if "/" not in command[0] else str(folder / command[0])
        found = shutil.which(program)
        if found is None:
            raise Unavailable(f"There is no program {command[0]!r} for {name}", "Install it, or correct the command.")
        try:
            process = await asyncio.create_subprocess_exec(
                found,
                *command[1:],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its arguments hold a null character"
            raise Unavailable(f"{name} cannot be started: {reason}", "Correct its command.") from None
        return cls(name, process, largest, hearing, mask)

    @property
    def closed(self) -> bool:
        return self._ended

    async def ask(self, message: Message, headers: Mapping[str, str] = MappingProxyType({})) -> Message:  # noqa: ARG002
        if self._ended:
            raise Unavailable(f"{self.name} is not running", self._last_words("Call again: it is started anew."))
        if self._input.transport.get_write_buffer_size() > _UNREAD:
            raise Unavailable(f"{self.name} does not read what it is sent", "Look at it, or start it anew.")
        number = message["id"]
        waiting: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            await self._send(message)
            return await waiting
        except asyncio.CancelledError:
            if message["method"] != "initialize":  # which may not be cancelled
                self._post(notification("notifications/cancelled", {"requestId": number}))
            raise
        finally:
            self._waiting.pop(number, None)
            if waiting.done() and not waiting.cancelled():
                waiting.exception()  # seen, whoever raised first

    async def tell(self, message: Message) -> None:
        with contextlib.suppress(Undecided):
            await self._send(message)

    async def close(self) -> None:
        """End it: by the end of its input, else by being told to, else by force."""
        self._end("was closed")
        self._input.close()
        for force in (None, signal.SIGTERM, signal.SIGKILL):
            if force is not None:
                self._signal(force)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._process.wait()
                    break
        self._signal(signal.SIGKILL)  # whatever it started and left behind
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Whoever left the group may hold the other ends of the pipes.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public way to

    async def _send(self, message: Message) -> None:
        self._post(message)
        try:
            await self._input.drain()
        except ConnectionError:
            self._end("ended while it was written to")
            raise Undecided(f"{self.name} ended while it was written to", self._last_words()) from None

    def _post(self, message: Message) -> None:
        self._input.write(write(message) + b"\n")

    async def _listen(self) -> None:
        while data := await self._output.read(_PIECE):
            for line in self._lines.feed(data):
                if line is TOO_LONG:
                    self._fail("answered with more than is read")
                elif line.lstrip().startswith(b"{"):  # anything else is a server's chatter
                    await self._heard(read(self._mask(line)))
        self._ended = True
        await asyncio.wait({self._tasks[1]}, timeout=_LAST_WORDS)
        self._fail("ended before it had answered")

    async def _heard(self, message: Message | None) -> None:
        if message is None:
            self._fail("answered with what is no message of its protocol")
        elif not is_reply(message):
            reply = self._hearing(message)
            if reply is not None:
                await self.tell(reply)  # waits until it reads, so that asking without end fills no memory
        elif isinstance(number := message.get("id"), int):
            waiting = self._waiting.get(number)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _fail(self, how: str) -> None:
        """Nobody can tell whose answer it was: whoever waits is told."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Undecided(f"{self.name} {how}", self._last_words()))

    def _end(self, how: str) -> None:
        if not self._ended:
            self._ended = True
            self._fail(how)

    async def _keep_tail(self) -> None:
        while data := await self._errors.read(_PIECE):
            self._tail = (self._tail + data)[-_TAIL:]

    def _last_words(self, otherwise: str = "See there whether it did what it was asked.") -> str:
        """For whoever runs it: the last line that it wrote to its error stream."""
        tail = (
            self._tail if len(self._tail) < _TAIL else self._tail.partition(b"\n")[2]
        )  # half a line may be half a secret
        lines = clean(self._mask(tail).decode("utf-8", "replace"))[0].split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{otherwise} Its last words: {said[:200]}" if said else otherwise

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
