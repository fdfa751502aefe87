"""Running tools where they can do no harm."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import os
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from aver.agents.sandbox.egress import Network, Proxy
from aver.agents.sandbox.errors import LimitExceeded, SandboxStopped, SandboxUnavailable, ToolCrashed
from aver.agents.sandbox.folder import private_folder
from aver.agents.sandbox.libraries import anyone_reads, imports, libraries
from aver.agents.sandbox.process import Process
from aver.agents.sandbox.types import Function, Held, Limits, Means, Report, Result, SandboxSettings
from aver.core.errors import InvalidInput, NotFound, TooLarge

__all__ = ["Sandbox"]

_LARGEST_SOURCE = 2**20
"""Bytes of a tool's Python files together."""
_FIRST_WORDS = 2**16
_PATIENCE = 10.0
"""Seconds beyond those of the limits, for a process that is told to keep them itself."""
_USERS, _MANY, _NOBODY = 0x70000000, 2**24, 65534
"""Users that no system gives out, one for each call (systemd's table of user ids leaves them free); and one that all have."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_MEASURED = {
    "seconds": "seconds",
    "cpu_seconds": "seconds of computing",
    "memory_mb": "megabytes of memory",
    "processes": "processes",
    "disk_mb": "megabytes on disk",
    "open_files": "open files",
    "output_kb": "kilobytes of output",
}
_OVER = {"memory": "memory_mb", "output": "output_kb", "disk": "disk_mb"}
_TIMED_OUT, _CPU, _FILE_SIZE = 124, 128 + 24, 128 + 25


class Sandbox:
    """Runs a tool, each call in a process of its own with a directory of its own, of which nothing is left afterwards."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self._settings = settings or SandboxSettings()

    async def run(
        self,
        function: Function,
        arguments: Mapping[str, Any],
        limits: Limits | None = None,
        network: Network | None = None,
    ) -> Result:
        """Call a function with JSON arguments by name; without ``network`` it reaches nothing.

        Raises :class:`SandboxUnavailable` when the level cannot be had here, and nothing was run;
        :class:`LimitExceeded` and :class:`ToolCrashed` when it was; :class:`~aver.core.errors.NotFound`
        when there is no such file, and :class:`~aver.core.errors.TooLarge` when there is too much of it. Cancelled, it ends every process
        of the call before it returns.
        """
        work = {"file": function.path.name, "function": function.name, "arguments": dict(arguments)}
        return await self._run(work, _sources(function.path), limits or Limits(), network)

    async def run_python(
        self,
        code: str,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
        network: Network | None = None,
    ) -> Result:
        """Run code as a program of its own beside ``files``. Its value is that of its last line where that is an expression, as text where
        it is no JSON. Raises as :meth:`run`."""
        given = {_relative(name): b64encode(data).decode() for name, data in (files or {}).items()}
        return await self._run({"code": code, "files": given}, {}, limits or Limits(), network)

    async def probe(self) -> Report:
        """What is in force here at the declared level. Raises :class:`SandboxUnavailable` when the level cannot be had."""
        return (await self._run({}, {}, Limits(), None)).report

    async def _run(
        self, work: dict[str, Any], sources: dict[str, str], limits: Limits, network: Network | None
    ) -> Result:
        if not hasattr(os, "fork"):
            raise SandboxUnavailable("This system cannot fork, so no sandbox is to be had", "Run Aver on Linux.")
        settings, started = self._settings, time.monotonic()
        readable = libraries(tuple(settings.libraries))
        user = _user() if "user" not in settings.unused else 0
        if settings.level == "process" and user and not anyone_reads(readable):
            user = 0  # who is not root could not even start Python here
        async with private_folder(settings.folder, user) as folder, contextlib.AsyncExitStack() as stack:
            plan = {
                "level": settings.level,
                "unused": sorted(settings.unused),
                "folder": str(folder),
                "libraries": readable,
                "imports": imports(tuple(settings.libraries)),
                "user": user,
                "limits": _bytes(limits),
                "sources": sources,
                "environment": dict(_ONE_THREAD),
                "work": work,
            }
            proxy = None
            if network is not None:
                proxy = await stack.enter_async_context(Proxy(network))
                plan["environment"] |= proxy.placeholders
                plan["token"] = proxy.token
                if settings.level == "process":
                    plan["proxy"] = await proxy.listen()
            hands_over = proxy is not None and settings.level == "strict"
            process = await stack.enter_async_context(Process.started(plan, hands_over=hands_over))
            means = await self._ready(process)
            if proxy is not None and hands_over:
                await proxy.answer(process.listener())

            def report() -> Report:
                held = _held(settings.level, means, limits, network)
                connections = tuple(proxy.connections) if proxy is not None else ()
                return Report(settings.level, means, held, time.monotonic() - started, connections)

            said: Any = {"value": None}
            if work:
                said = await _reply(process, limits, report)
            await stack.aclose()
            return _result(said, limits, report(), folder)

    async def _ready(self, process: Process) -> frozenset[Means]:
        """What is in force, told before anything of the tool is run."""
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await process.heard(_FIRST_WORDS)
        except (EOFError, OverflowError, ValueError, TimeoutError):
            raise SandboxUnavailable("A sandbox's process does not start", "Free memory, and try again.") from None
        if "refused" in said:
            level = self._settings.level
            raise SandboxUnavailable(
                f"This machine cannot hold the level {level!r}: {said['refused']}: {said['cause']}",
                "Run Aver where it may make namespaces, or declare the level 'process', which holds less."
                if level == "strict"
                else "Run Aver on Linux.",
            )
        return frozenset(said["means"])


async def _reply(process: Process, limits: Limits, report: Any) -> Any:
    try:
        async with asyncio.timeout(limits.seconds + _PATIENCE):
            try:
                return await process.heard(limits.output_kb * 2**10)
            except EOFError:
                raise _end(await process.ended(), limits, report()) from None
    except TimeoutError:
        raise _exceeded("seconds", limits, report()) from None
    except OverflowError:
        raise _exceeded("output_kb", limits, report()) from None
    except ValueError:
        raise ToolCrashed("The tool's process answers nonsense", "Do not trust this tool.", report()) from None


def _end(code: int, limits: Limits, report: Report) -> SandboxStopped:
    """What an end without an answer tells."""
    limit = {_TIMED_OUT: "seconds", _CPU: "cpu_seconds", _FILE_SIZE: "disk_mb"}.get(code)
    if limit:
        return _exceeded(limit, limits, report)
    how = f"by signal {code - 128}" if code > 128 else f"with status {code}"
    cause = f"The tool's process ended {how} and gave no answer"
    return ToolCrashed(cause, f"See whether {limits.memory_mb} MB of memory are enough for it.", report)


def _exceeded(limit: str, limits: Limits, report: Report) -> LimitExceeded:
    cause = f"The tool needs more than the {getattr(limits, limit):g} {_MEASURED[limit]} that it may use"
    return LimitExceeded(limit, cause, f"Ask it for less, or raise {limit}.", report)


def _result(said: Any, limits: Limits, report: Report, folder: Path) -> Result:
    """A reply, believed only as far as it is sound."""
    out, err = (_printed(folder / name, limits, report) for name in ("stdout", "stderr"))
    try:
        if "over" in said:
            limit = _OVER.get(said["over"], said["over"])
            raise _exceeded(limit if limit in _MEASURED else "seconds", limits, report)
        failed = said.get("failed")
        if not isinstance(failed, str | None):
            raise TypeError
        files = {_relative(name): b64decode(data, validate=True) for name, data in said.get("files", {}).items()}
        value = None if failed is not None else said["value"]
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error, InvalidInput):
        raise ToolCrashed("The tool's process answers nonsense", "Do not trust this tool.", report) from None
    return Result(value, report, failed, out, err, files)


def _printed(path: Path, limits: Limits, report: Report) -> str:
    with path.open("rb") as file:
        data = file.read(limits.output_kb * 2**10 + 1)
    if len(data) > limits.output_kb * 2**10:
        raise _exceeded("output_kb", limits, report)
    return data.decode("utf-8", "replace")


def _held(level: str, means: frozenset[Means], limits: Limits, network: Network | None) -> frozenset[Held]:
    if level == "strict":
        return frozenset({"limits", "processes", "disk", "files", "network", "privileges"})
    held: set[Held] = {"limits"}
    if "user" in means or ("seccomp" in means and limits.processes == 1):
        held.add("processes")
    if "landlock" in means:
        held.add("files")
    if "seccomp" in means:
        held |= {"privileges"} if network is not None else {"privileges", "network"}
    return frozenset(held)


def _bytes(limits: Limits) -> dict[str, float]:
    """Limits as the process is told them; raises :class:`~aver.core.errors.InvalidInput` for none that can be kept."""
    if min(limits.seconds, limits.cpu_seconds, limits.processes, limits.disk_mb, limits.output_kb) <= 0:
        raise InvalidInput("A limit of a sandbox is not above 0", "Correct it, or leave it out.")
    if limits.memory_mb < 64 or limits.open_files < 16 or limits.files < 16:
        raise InvalidInput("No Python starts within these limits", "Allow 64 MB of memory and 16 files at least.")
    return {
        "seconds": limits.seconds,
        "cpu_seconds": int(limits.cpu_seconds),
        "memory": limits.memory_mb * 2**20,
        "processes": limits.processes,
        "disk": limits.disk_mb * 2**20,
        "inodes": limits.files,
        "open_files": limits.open_files,
        "output": limits.output_kb * 2**10,
    }


def _sources(path: Path) -> dict[str, str]:
    """A tool's file and the Python files beside it, by name."""
    if not path.is_file():
        raise NotFound(f"There is no tool's file {path}", "Correct the path in the bundle.")
    found: dict[str, str] = {}
    left = _LARGEST_SOURCE
    for each in [path, *sorted(path.parent.glob("*.py"))]:
        left -= each.stat().st_size if each.name not in found else 0
        if left < 0:
            raise TooLarge(f"The Python files in {path.parent} have more than 1 MB", "Keep there what tools need.")
        try:
            found[each.name] = each.read_text("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(f"{each} is not UTF-8", "Save it as UTF-8.") from None
    return found


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InvalidInput(f"{name!r} is no path within a sandbox", "Write a relative path.")
    return str(path)


def _user() -> int:
    """Whom a tool becomes where Aver is root: nobody else, where this system has room for that; 0 for staying who Aver is."""
    if os.geteuid() != 0:
        return 0
    try:
        spans: Sequence[list[int]] = [
            [int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()
        ]
    except OSError:
        return _NOBODY
    for candidate in (_USERS + secrets.randbelow(_MANY), _NOBODY):
        if any(first <= candidate < first + count for first, _, count in spans):
            return candidate
    return 0
