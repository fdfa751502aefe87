"""Running tools where they can do no harm."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import Any, BinaryIO

import orjson

import aver
from aver.agents.sandbox.egress import Network, Proxy
from aver.agents.sandbox.errors import SandboxUnavailable
from aver.agents.sandbox.folder import private_folder
from aver.agents.sandbox.libraries import anyone_comes_to, anyone_reads, imports, libraries
from aver.agents.sandbox.process import Process
from aver.agents.sandbox.reply import heard, result
from aver.agents.sandbox.source import relative, sources, variables
from aver.agents.sandbox.types import Function, Held, Limits, Means, Report, Result, SandboxSettings
from aver.agents.sandbox.user import a_user
from aver.agents.sandbox.zygote import Zygote
from aver.core.errors import InvalidInput

__all__ = ["Sandbox"]

_FIRST_WORDS = 2**16
_PATIENCE = 60.0
"""Seconds for a process to say what is in force. It takes some hundredths of one, unless the machine has none to spare."""
_PACKAGE = str(Path(aver.__file__).parent)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Sandbox:
    """Runs a tool, each call in a process of its own with a directory of its own, of which nothing is left afterwards.

    The processes are copies of one that was started before and knows of no call; :meth:`close` ends it, and so does the end of this object.
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self._settings = settings or SandboxSettings()
        self._plain = Zygote()
        self._typed = Zygote(_PACKAGE, *imports(tuple(self._settings.libraries)))

    def close(self) -> None:
        """End what was started for calls to come. The next call starts it again."""
        self._plain.close()
        self._typed.close()

    async def run(
        self,
        function: Function,
        arguments: Mapping[str, Any],
        limits: Limits | None = None,
        network: Network | None = None,
        key: str = "",
    ) -> Result:
        """Call a function with JSON arguments by name; without ``network`` it reaches nothing. ``key`` is that of the effect, for a function
        that is called by its types and has a parameter for it.

        Raises :class:`SandboxUnavailable` when the level cannot be had here, and nothing was run;
        :class:`~aver.agents.sandbox.errors.LimitExceeded` and :class:`~aver.agents.sandbox.errors.ToolCrashed` when it was; :class:`~aver.core.errors.NotFound`
        when there is no such file, and :class:`~aver.core.errors.TooLarge` when there is too much of it. Cancelled, it ends every process
        of the call before it returns.
        """
        work: dict[str, Any] = {"file": function.path.name, "function": function.name, "arguments": _json(arguments)}
        if function.typed:
            work |= {"typed": True, "key": key}
        return await self._run(work, sources(function.path), limits or Limits(), network)

    async def describe(self, path: Path, named: Sequence[str] = ()) -> Result:
        """What a file offers, its functions under ``@tool`` and those ``named``: a list of the objects that
        :func:`~aver.agents.sandbox.inside.typed.described` makes. Nothing of the file is run but here. Raises as :meth:`run`."""
        work: dict[str, Any] = {"file": path.name, "typed": True, "named": list(named)}
        return await self._run(work, sources(path), Limits(), None)

    async def run_python(
        self,
        code: str,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
        network: Network | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> Result:
        """Run code as a program of its own beside ``files``, with JSON ``values`` in variables of their names. Its value is that of its last
        line where that is an expression, as text where it is no JSON. Raises as :meth:`run`."""
        given = {relative(name): b64encode(data).decode() for name, data in (files or {}).items()}
        work = {"code": code, "files": given, "values": _json(variables(values or {}))}
        return await self._run(work, {}, limits or Limits(), network)

    async def probe(self) -> Report:
        """What is in force here at the declared level. Raises :class:`SandboxUnavailable` when the level cannot be had."""
        return (await self._run({}, {}, Limits(), None)).report

    async def _run(
        self, work: dict[str, Any], sources: dict[str, str], limits: Limits, network: Network | None
    ) -> Result:
        if not hasattr(os, "fork"):
            raise self._refused("limits", f"{sys.platform} cannot fork")
        settings = self._settings
        readable = libraries((*settings.libraries, *([Path(_PACKAGE)] if "typed" in work else [])))
        user = self._user(readable)
        async with private_folder(settings.folder, user) as folder:
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
            with TemporaryFile(dir=folder) as out, TemporaryFile(dir=folder) as err:
                said, report = await self._said(plan, (out, err), limits, network)
                return result(said, limits, report, (out, err))

    async def _said(
        self, plan: dict[str, Any], printed: Sequence[BinaryIO], limits: Limits, network: Network | None
    ) -> tuple[Any, Report]:
        """What a tool's process answers, which has ended by then, and under what it ran."""
        started, is_strict = time.monotonic(), self._settings.level == "strict"
        async with contextlib.AsyncExitStack() as stack:
            proxy = None
            if network is not None:
                proxy = await stack.enter_async_context(Proxy(network))
                plan["environment"] |= proxy.placeholders
                plan["token"] = proxy.token
                if not is_strict:
                    plan["proxy"] = await proxy.listen()
            hands_over = proxy is not None and is_strict
            plan["listens"] = hands_over
            zygote = self._typed if "typed" in plan["work"] else self._plain
            process = await stack.enter_async_context(Process.started(zygote, plan, printed))
            means = await self._ready(process)
            if proxy is not None and hands_over:
                await proxy.answer(process.listener())

            def report() -> Report:
                held = _held(self._settings.level, means, limits, network)
                connections = tuple(proxy.connections) if proxy is not None else ()
                return Report(self._settings.level, means, held, time.monotonic() - started, connections)

            said = await heard(process, limits, report) if plan["work"] else {"value": None}
        return said, report()

    async def _ready(self, process: Process) -> frozenset[Means]:
        """What is in force, told before anything of the tool is run."""
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await process.heard(_FIRST_WORDS)
        except (EOFError, OverflowError, ValueError, TimeoutError):
            raise SandboxUnavailable("A sandbox's process does not start", "Free memory, and try again.") from None
        if "refused" in said:
            raise self._refused(said["refused"], said["cause"])
        return frozenset(said["means"])

    def _user(self, readable: Sequence[str]) -> int:
        """Whom the tool is to become, 0 for whoever Aver is. Raises :class:`SandboxUnavailable`."""
        settings = self._settings
        user = a_user() if "user" not in settings.unused else 0
        if settings.level == "strict":
            if os.geteuid() == 0 and not user:
                raise self._refused("user", "Aver is root and cannot become another")
            return user
        place = Path(settings.folder or gettempdir()) / "any"
        # another could not even start Python, or come to the sandbox's directory, where these are root's alone
        return user if user and anyone_reads(readable) and anyone_comes_to(place) else 0

    def _refused(self, means: str, cause: str) -> SandboxUnavailable:
        level = self._settings.level
        return SandboxUnavailable(
            f"This machine cannot hold the level {level!r}: {means}: {cause}",
            "Run Aver where it may make namespaces and become another user, or declare the level 'process', which holds less."
            if level == "strict"
            else "Declare less for the tool, or run Aver on Linux at the level 'strict'.",
        )


def _held(level: str, means: frozenset[Means], limits: Limits, network: Network | None) -> frozenset[Held]:
    if level == "strict":
        return frozenset({"limits", "processes", "disk", "files", "network", "privileges"})
    held: set[Held] = {"limits"}
    if "user" in means or ("seccomp" in means and limits.processes == 1):
        held.add("processes")
    if "landlock" in means:
        held.add("files")
    if "seccomp" in means and ("user" in means or os.geteuid() != 0):  # root owns much without any capability
        held.add("privileges")
    if "seccomp" in means and network is None:
        held.add("network")
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
        "cpu_seconds": int(limits.cpu_seconds),
        "memory": limits.memory_mb * 2**20,
        "processes": limits.processes,
        "disk": limits.disk_mb * 2**20,
        "inodes": limits.files,
        "open_files": limits.open_files,
        "output": limits.output_kb * 2**10,
    }
