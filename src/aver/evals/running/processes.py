"""Functions of other people's files, each in a process of its own: one that hangs, throws or takes the process down costs one call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

import aver
from aver.core.errors import AverError, InvalidInput

__all__ = ["FunctionFailed", "Functions"]

_LONGEST = 64 * 2**20
"""Bytes of one reply."""
_START = 60.0
"""Seconds that a file may take to be loaded."""


class FunctionFailed(AverError):
    """A function raised, or its process ended."""

    slug = "function-failed"


@dataclass(slots=True)
class Functions:
    """One function, ``file`` ``:`` ``name``, in up to ``processes`` processes, each made when it is first needed and asked one thing at a time.

    The function's file is code of the bundle and runs as Aver does; it is no sandbox. What it prints goes to standard error.
    """

    place: str
    """``FILE.py:NAME``, or ``MODULE:NAME``."""
    kind: Literal["plain", "target", "scorer"] = "plain"
    """What it is called with: what :meth:`call` is given; a case, and a seed if it takes one; a case and a response."""
    processes: int = 4
    _idle: list[asyncio.subprocess.Process] = field(default_factory=list)
    _every: set[asyncio.subprocess.Process] = field(default_factory=set)
    _free: asyncio.Semaphore | None = None

    async def check(self) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` for a file that cannot be loaded, or has no such function."""
        process = await self._start()
        self._idle.append(process)

    async def call(self, *arguments: Any) -> Any:
        """What the function returns, JSON; each argument too. Cancelled, its process is ended.

        Raises :class:`FunctionFailed` with what it raised.
        """
        return (await self.timed(*arguments))[0]

    async def timed(self, *arguments: Any) -> tuple[Any, float]:
        """As :meth:`call`, with the milliseconds that the function itself took: neither waiting for a process nor starting one counts."""
        if self._free is None:
            self._free = asyncio.Semaphore(self.processes)
        async with self._free:
            process = self._idle.pop() if self._idle else await self._start()
            try:
                found = await self._exchange(process, orjson.dumps(arguments))
            except BaseException:
                await self._end(process)
                raise
            self._idle.append(process)
        if "error" in found:
            raise FunctionFailed(
                f"{self.place} raised {found['error']}", "Correct it; its traceback is on standard error."
            )
        return found["value"], found["ms"]

    async def close(self) -> None:
        for process in list(self._every):
            await self._end(process)

    async def _start(self) -> asyncio.subprocess.Process:
        paths = [str(Path(aver.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "aver.evals.running.inside",
            self.kind,
            self.place,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            limit=_LONGEST,
        )
        self._every.add(process)
        try:
            async with asyncio.timeout(_START):
                said = await self._read(process)
        except BaseException as error:
            await self._end(process)
            if isinstance(error, TimeoutError):
                raise InvalidInput(
                    f"{self.place} was not loaded within {_START:g} s", "Look at what it imports."
                ) from None
            raise
        if "error" in said:
            await self._end(process)
            raise InvalidInput(f"{self.place}: {said['error']}", "Write FILE.py:NAME, a function of that file.")
        return process

    async def _exchange(self, process: asyncio.subprocess.Process, line: bytes) -> dict[str, Any]:
        assert process.stdin is not None
        try:
            process.stdin.write(line + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise self._died(process) from None
        return await self._read(process)

    async def _read(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
        except ValueError:
            raise FunctionFailed(f"{self.place} returned more than {_LONGEST >> 20} MiB", "Return less.") from None
        if not line.endswith(b"\n"):
            raise self._died(process)
        found: dict[str, Any] = orjson.loads(line)
        return found

    def _died(self, process: asyncio.subprocess.Process) -> FunctionFailed:
        del process
        return FunctionFailed(
            f"The process of {self.place} ended by itself", "Look at what it does; standard error may say."
        )

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._every.discard(process)
        if process.returncode is None:
            # Not process.kill(), which reaps one that ended by itself before the event loop does, so that asyncio complains.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        transport = getattr(process, "_transport", None)
        await asyncio.shield(asyncio.ensure_future(process.wait()))
        if transport is not None:
            transport.close()
