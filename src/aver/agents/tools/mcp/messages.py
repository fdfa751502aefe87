"""JSON-RPC 2.0 as the Model Context Protocol uses it, and what an error of it says of the call that it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import orjson

from aver.agents.tools.text import clean
from aver.core.errors import AverError, Unavailable, Undecided

__all__ = [
    "Channel",
    "Hearing",
    "Message",
    "answer",
    "error_of",
    "failure",
    "is_reply",
    "library",
    "notification",
    "read",
    "request",
    "write",
]

Message = Mapping[str, Any]
_NOT_TAKEN: Final = (-32700, -32600, -32601, -32602, -32020, -32021, -32022, -32042)
"""Codes with which a server says that it did not begin: the message, the method or its parameters are none that it takes
(https://www.jsonrpc.org/specification#error_object), the protocol's version is not its own, or something is to be given first."""
_SHOWN = 300


class Hearing(Protocol):
    """What is done with what a server says of its own accord."""

    def __call__(self, message: Message) -> Message | None:
        """The reply to a request, ``None`` to a notification."""


class Channel(Protocol):
    """Messages to one server, and back. One that is ``closed`` stays so; ``version`` of the protocol is what was agreed upon."""

    version: str

    @property
    def closed(self) -> bool: ...

    async def ask(self, message: Message, headers: Mapping[str, str] = ...) -> Message:
        """Send a request and wait for its reply, an error included; whoever stops waiting has it told that the reply is not wanted.
        ``headers`` are sent along where there are such.

        Raises :class:`~aver.core.errors.Unavailable` when the request certainly did not arrive, and
        :class:`~aver.core.errors.Undecided` when there is no reply, or none that can be read.
        """

    async def tell(self, message: Message) -> None:
        """Send a notification or a reply; one that does not arrive is not missed."""

    async def close(self) -> None: ...


def library() -> Any:
    """The protocol's own types."""
    import mcp_types

    return mcp_types


def request(number: int, method: str, params: Mapping[str, Any]) -> Message:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def notification(method: str, params: Mapping[str, Any] | None = None) -> Message:
    return {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}


def answer(asked: Message, result: Mapping[str, Any]) -> Message:
    return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


def failure(asked: Message, code: int, said: str) -> Message:
    return {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": code, "message": said}}


def is_reply(message: Message) -> bool:
    return "method" not in message and ("result" in message or "error" in message)


def read(data: bytes) -> Message | None:
    """One message; ``None`` for what is none."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    return message if is_reply(message) or isinstance(message.get("method"), str) else None


def write(message: Message) -> bytes:
    """On one line, without its end."""
    return orjson.dumps(message)


def error_of(message: Message, name: str) -> AverError | None:
    """What a reply says went wrong, as an error of the call; ``None`` where it has a result. ``name`` is the server's."""
    if "error" not in message:
        return None
    error = message["error"] if isinstance(message["error"], dict) else {}
    code, words = error.get("code"), " ".join(clean(str(error.get("message", "")))[0].split())[:_SHOWN]
    if code in _NOT_TAKEN:
        return Unavailable(f"{name} did not take the call: {words or code}", "Correct the call, or the server.")
    said = f"{name} failed while it was asked, and may have done its work: {words or code}"
    return Undecided(said, "See there whether it did.")
