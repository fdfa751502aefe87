"""Processes under measurement: pinned to a core, and what the kernel says they used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cores", "cpu_seconds", "free_port", "pinned", "resident_mb", "running", "tree"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cores() -> tuple[set[int], set[int]]:
    """One core for what is measured, and the others for what measures it; the same where there is one only."""
    have = sorted(os.sched_getaffinity(0))
    return {have[0]}, set(have[1:]) or {have[0]}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def pinned(core: set[int]) -> Iterator[None]:
    """What is started meanwhile stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(
    command: Sequence[str],
    core: set[int],
    log: Path,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its children on one core, ended with all of them."""
    with log.open("wb") as file, pinned(core):
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for each in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, each)
        except ProcessLookupError:
            break
        try:
            process.wait(20)
            break
        except subprocess.TimeoutExpired:
            continue
    time.sleep(0.1)


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree, with children that ended."""
    return sum(sum(map(int, _stat(each)[11:15])) for each in tree(pid)) / _TICKS


def resident_mb(pid: int) -> float:
    return sum(int(_stat(each)[21]) for each in tree(pid)) * _PAGE / 2**20


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name, which may contain blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
