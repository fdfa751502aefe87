"""What a sandbox's process is told first: an object of JSON's values, sent by :mod:`aver.agents.sandbox.process`. Paths are strings, sizes bytes.

For type checkers: the process itself does not import it.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = ["Limits", "Plan"]


class Limits(TypedDict):
    cpu_seconds: int
    memory: int
    processes: int
    disk: int
    inodes: int
    open_files: int
    output: int


class Plan(TypedDict):
    level: str
    """``strict`` or ``process``."""
    unused: list[str]
    """Means that are treated as if this kernel had none."""
    folder: str
    """This sandbox's own directory, empty and private."""
    libraries: list[str]
    """What may be read besides."""
    imports: list[str]
    """Where modules are looked for."""
    user: int
    """Whom to become when started by root."""
    limits: Limits
    sources: dict[str, str]
    """The tool's file and those beside it, by name; a code's files stand in ``work``."""
    environment: dict[str, str]
    listens: bool
    """Whether the socket that this process listens on for the proxy is handed over."""
    proxy: NotRequired[int]
    """The port where the proxy is found; a network namespace has its own."""
    token: NotRequired[str]
    """Who asks, said to the proxy: ``user:password``."""
    work: dict[str, Any]
    """``{"file", "function", "arguments"}``, with ``{"typed", "key"}`` where it is called by its types; ``{"file", "typed", "named"}`` to be told
    what a file offers; ``{"code", "files", "values"}`` with the files in base64; empty to be told what is in force, no more."""
