"""Running tools where they can do no harm."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from base64 import b64encode
from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson

from aver.agents.sandbox.egress import Network, Proxy
from aver.agents.sandbox.errors import SandboxUnavailable
from aver.agents.sandbox.folder import private_folder
from aver.agents.sandbox.libraries import anyone_reads, imports, libraries
from aver.agents.sandbox.process import Process
from aver.agents.sandbox.reply import heard, result
from aver.agents.sandbox.source import relative, sources
from aver.agents.sandbox.types import Function, Held, Limits, Means, Report, Result, SandboxSettings
from aver.agents.sandbox.user import a_user
from aver.core.errors import InvalidInput

__all__ = ["Sandbox"]

_FIRST_WORDS = 2**16
_PATIENCE = 10.0
"""Seconds for a process to say what is in force."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


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
        :class:`~aver.agents.sandbox.errors.LimitExceeded` and :class:`~aver.agents.sandbox.errors.ToolCrashed` when it was; :class:`~aver.core.errors.NotFound`
        when there is no such file, and :class:`~aver.core.errors.TooLarge` when there is too much of it. Cancelled, it ends every process
        of the call before it returns.
        """
        work = {"file": function.path.name, "function": function.name, "arguments": _json(arguments)}
        return await self._run(work, sources(function.path), limits or Limits(), network)

    async def run_python(
        self,
        code: str,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
        network: Network | None = None,
    ) -> Result:
        """Run code as a program of its own beside ``files``. Its value is that of its last line where that is an expression, as text where
        it is no JSON. Raises as :meth:`run`."""
        given = {relative(name): b64encode(data).decode() for name, data in (files or {}).items()}
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
        user = a_user() if "user" not in settings.unused else 0
        if settings.level == "strict" and os.geteuid() == 0 and not user:
            raise SandboxUnavailable(
                "Aver is root and has no other user for a sandbox, so the level 'strict' cannot be held",
                "Run Aver as a user, or where it may become one.",
            )
        if settings.level == "process" and user and not anyone_reads(readable):
            user = 0  # who is not root could not even start Python here
        async with private_folder(settings.folder, user) as folder, contextlib.AsyncExitStack() as stack:
            plan: dict[str, Any] = {
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
                said = await heard(process, limits, report)
            await stack.aclose()
            return result(said, limits, report(), folder)

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
                else "Declare less for the tool, or run Aver on Linux at the level 'strict'.",
            )
        return frozenset(said["means"])


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


def _json(arguments: Mapping[str, Any]) -> orjson.Fragment:
    try:
        return orjson.Fragment(orjson.dumps(dict(arguments)))
    except TypeError as error:
        raise InvalidInput(f"The arguments are not JSON: {error}", "Call tools with JSON values.") from None


def _bytes(limits: Limits) -> dict[str, float]:
    """Limits as the process is told them; raises :class:`~aver.core.errors.InvalidInput` for none that can be kept."""
    if (
        not isfinite(limits.seconds)
        or min(limits.seconds, limits.cpu_seconds, limits.processes, limits.disk_mb, limits.output_kb) <= 0
    ):
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
