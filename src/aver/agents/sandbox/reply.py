"""What a tool's process says, and what it means when it says nothing."""

from __future__ import annotations

import asyncio
import binascii
import os
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from aver.agents.sandbox.errors import LimitExceeded, SandboxStopped, ToolCrashed
from aver.agents.sandbox.process import Process
from aver.agents.sandbox.source import relative
from aver.agents.sandbox.types import Limits, Report, Result
from aver.core.errors import InvalidInput

__all__ = ["heard", "result"]

_MEASURED = {
    "seconds": "seconds",
    "cpu_seconds": "seconds of computing",
    "memory_mb": "MB of memory",
    "processes": "processes",
    "disk_mb": "MB on disk",
    "open_files": "open files",
    "output_kb": "kB of output",
}
_OVER = {
    "memory": "memory_mb",
    "output": "output_kb",
    "disk": "disk_mb",
    "open_files": "open_files",
    "processes": "processes",
}
"""What a process calls the limits that it comes up against."""
_SIGNALS = {128 + 24: "cpu_seconds", 128 + 25: "disk_mb"}
"""Limits that end a process by a signal, by the status of its end: SIGXCPU and SIGXFSZ."""


async def heard(process: Process, limits: Limits, report: Callable[[], Report]) -> Any:
    """The tool's reply, waited for from its first line on. Raises :class:`LimitExceeded` and :class:`ToolCrashed`."""
    try:
        async with asyncio.timeout(limits.seconds):
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
    if code in _SIGNALS:
        return _exceeded(_SIGNALS[code], limits, report)
    how = f"by signal {code - 128}" if code > 128 else f"with status {code}"
    cause = f"The tool's process ended {how} and gave no answer"
    return ToolCrashed(cause, f"See whether {limits.memory_mb} MB of memory are enough for it.", report)


def _exceeded(limit: str, limits: Limits, report: Report) -> LimitExceeded:
    cause = f"The tool needs more than the {getattr(limits, limit):g} {_MEASURED[limit]} that it may use"
    return LimitExceeded(limit, cause, f"Ask it for less, or raise {limit}.", report)


def result(said: Any, limits: Limits, report: Report, printed: Sequence[BinaryIO]) -> Result:
    """A reply, believed only as far as it is sound; raises as :func:`heard`. ``printed`` are the files that the tool printed to."""
    out, err = (_text(file, limits, report) for file in printed)
    try:
        if "over" in said:
            raise _exceeded(_OVER[said["over"]], limits, report)
        failed = _words(said.get("failed"))
        files = {relative(name): b64decode(data, validate=True) for name, data in said.get("files", {}).items()}
        value = None if failed is not None else said["value"]
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error, InvalidInput):
        raise ToolCrashed("The tool's process answers nonsense", "Do not trust this tool.", report) from None
    return Result(value, report, failed, out, err, files)


def _words(said: Any) -> str | None:
    if not isinstance(said, str | None):
        raise TypeError
    return said


def _text(file: BinaryIO, limits: Limits, report: Report) -> str:
    data = os.pread(file.fileno(), limits.output_kb * 2**10 + 1, 0)
    if len(data) > limits.output_kb * 2**10:
        raise _exceeded("output_kb", limits, report)
    return data.decode("utf-8", "replace")
