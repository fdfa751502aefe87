"""What is run in a sandbox, within what, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aver.agents.sandbox.egress.types import Connection

__all__ = ["Function", "Held", "Level", "Limits", "Means", "Report", "Result", "SandboxSettings"]

Level = Literal["strict", "process"]
"""``strict`` holds everything of :data:`Held` or does not run. ``process`` holds what the machine offers, at least the limits."""

Means = Literal["limits", "user", "namespaces", "landlock", "seccomp"]
"""By what a tool is held: limits on its process; a user of its own without privileges; namespaces for files, processes, network, IPC
and names; Landlock; a filter of system calls."""

Held = Literal["limits", "processes", "disk", "files", "network", "privileges"]
"""What is held: time, memory, the size of one file; how many processes there are, and that none outlives the call; all files
together; that no file but the libraries and its own can be read; that nothing but declared hosts is reached; that it has no more rights
than anybody, and cannot touch other processes."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """``unused`` are means to do without although the machine has them, to see what is refused or reported then."""

    level: Level = "strict"
    unused: frozenset[Means] = frozenset()
    folder: Path | None = None
    """Where the private directories are made; by default the system's for temporary files."""
    libraries: Sequence[Path] = ()
    """Directories that tools may read and import from, beside Python's own and the installed packages."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use. Threads count as processes where more than one process is allowed; memory is that of each process."""

    seconds: float = 30.0
    """By the clock, from the tool's first line."""
    cpu_seconds: int = 10
    memory_mb: int = 512
    processes: int = 1
    disk_mb: int = 64
    """Of all its files together where that is held, and of each one, what it prints on a stream included."""
    files: int = 1024
    open_files: int = 64
    output_kb: int = 1024
    """Of its value with the files it returns, and of what it prints on each stream."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a Python file of the bundle. The other Python files of its directory can be imported by it; nothing else travels.

    ``typed``: it is called by its types, a date with a date; otherwise with JSON values as they are.
    """

    path: Path
    name: str
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Under what a tool ran: ``means`` were in force before its first line. ``seconds`` from the request to its end."""

    level: Level
    means: frozenset[Means]
    holds: frozenset[Held]
    seconds: float
    connections: Sequence[Connection] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. ``failed`` is what the tool says went wrong: the name of an exception and its words; then there is no value.

    ``value`` is any JSON value; ``files``, of code alone, are those it made or changed, by path in its directory.
    """

    value: Any
    report: Report
    failed: str | None = None
    stdout: str = ""
    stderr: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
