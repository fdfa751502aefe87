"""The program of a sandbox's process, a copy of the :mod:`~aver.agents.sandbox.inside.zygote`. It is told a plan, makes itself what the
plan says, and runs one tool once.

What is said both ways is a length (``>I``) and so many bytes: in, the :class:`~aver.agents.sandbox.inside.plan.Plan`, marshalled; out, as
JSON, first ``{"means": [...]}``, what is in force, said before anything of the tool is run, or ``{"refused": means, "cause": words}``; then
the tool's reply, which is believed as far as a tool is. Over the channel beside it goes what is of this process alone: the socket that the
sandbox listens on, and the status of its end; when the other end of the channel is closed, so is everything here.

Three processes at most: this one, which waits and ends the others; the first of a process namespace; the tool.
"""

from __future__ import annotations

import marshal
import os
import sys
from struct import calcsize, pack, unpack

from . import supervise
from .confine import confine
from .layout import lay
from .refused import Refused
from .words import LENGTH, written
from .work import answer

if sys.platform == "linux":
    from . import kernel, namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .plan import Plan

__all__ = ["main"]

_SIGNAL_KILL = 9
_LONGEST = 1000
"""Characters of what is said before the tool runs."""
_PORT = 3128
"""Where the proxy is found in a network namespace, which has no other port in use."""


def main(replies: int, channel: int, *printed: int) -> None:
    """``replies`` is the socket over which everything is said; ``printed`` are the files that become the standard output and error."""
    os.setsid()
    os.umask(0o022)
    _streams(printed)
    plan = _read(replies)
    means: set[str] = set()
    if sys.platform == "linux":
        kernel.adopt_orphans()
    first = _strict if plan["level"] == "strict" else _process
    if plan["level"] == "strict" and not _tried(replies, lambda: _enter(plan, channel)):
        return
    watch = supervise.watch()
    child = os.fork()
    if child == 0:
        supervise.unwatch(watch)
        os.close(channel)
        if sys.platform == "linux":
            kernel.end_with_parent(_SIGNAL_KILL)
        first(plan, means, replies)
        os._exit(0)
    os.close(replies)
    code = supervise.supervise(child, watch, channel)
    os.write(channel, bytes([code]))
    os._exit(0)


def _enter(plan: Plan, channel: int) -> None:
    if "namespaces" in plan["unused"]:
        raise Refused("namespaces", "told not to use them")
    if sys.platform != "linux":
        raise Refused("namespaces", f"{sys.platform} has none")
    namespaces.enter()
    if plan["listens"]:
        from .loopback import hand_over_listener

        plan["proxy"] = hand_over_listener(channel, _PORT)


def _strict(plan: Plan, means: set[str], replies: int) -> None:
    """The first process of the namespaces: makes the sandbox, and stays without privileges until the tool has ended."""
    if not _tried(replies, lambda: namespaces.furnish(plan)):
        return
    means |= {"namespaces", "user"}
    child = os.fork()
    if child == 0:
        _run(plan, means, replies, namespaces.WITHIN)
        os._exit(0)
    os.close(replies)
    os._exit(supervise.await_first(child))


def _process(plan: Plan, means: set[str], replies: int) -> None:
    """The tool's process where there are no namespaces."""
    if not _tried(replies, lambda: _settle(plan)):
        return
    if plan["user"]:
        means.add("user")
    _run(plan, means, replies, plan["folder"])


def _settle(plan: Plan) -> None:
    lay(plan["folder"], plan)
    if sys.platform == "linux":
        try:
            namespaces.become(plan["user"])
        except OSError as error:
            raise Refused("user", error.strerror or str(error)) from None


def _run(plan: Plan, means: set[str], replies: int, folder: str) -> None:
    os.umask(0o077)
    os.environ.clear()
    home = {"HOME": f"{folder}/work", "TMPDIR": f"{folder}/tmp", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    os.environ.update(home | plan["environment"])
    if "proxy" in plan:
        _point_at_proxy(plan)
    if _tried(replies, lambda: confine(plan, means, folder)):
        _say(replies, written({"means": sorted(means)}, _LONGEST).encode())
        if plan["work"]:
            _say(replies, answer(plan, folder))


def _point_at_proxy(plan: Plan) -> None:
    address = f"http://{plan['token']}@127.0.0.1:{plan['proxy']}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ[name] = address


def _tried(replies: int, step: Callable[[], None]) -> bool:
    """Whether a step could be taken; says so where it could not."""
    try:
        step()
    except Refused as refused:
        _say(replies, written({"refused": refused.means, "cause": refused.cause[:_LONGEST]}, 8 * _LONGEST).encode())
        return False
    return True


def _streams(printed: Sequence[int]) -> None:
    """Give the tool files to print to, and nothing to read from."""
    for stream, kept in enumerate(printed, 1):
        os.dup2(kept, stream)
        os.close(kept)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _read(stream: int) -> Any:
    (length,) = unpack(LENGTH, _exactly(stream, calcsize(LENGTH)))
    return marshal.loads(_exactly(stream, length))  # noqa: S302 - written by the parent, of JSON's values


def _exactly(stream: int, length: int) -> bytes:
    parts = []
    while length and (part := os.read(stream, min(length, 1 << 20))):
        parts.append(part)
        length -= len(part)
    if length:
        os._exit(1)  # the parent is gone
    return b"".join(parts)


def _say(replies: int, said: bytes) -> None:
    left = memoryview(pack(LENGTH, len(said)) + said)
    while left:
        left = left[os.write(replies, left) :]
