"""One request and its response, at the level of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from aver.core.errors import AverError, TooLarge, Unauthenticated
from aver.core.ids import new_id
from aver.core.traceparent import read_traceparent
from aver.server.failures import Malformed, MethodNotAllowed
from aver.server.wire import to_json

__all__ = ["Exchange", "Gone"]

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_EVENTS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # Proxies that buffer a response would turn a stream into a wait.
    (b"x-accel-buffering", b"no"),
)
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_MOMENT = 0.1
"""Seconds."""
_DRAINED = 4
"""How many times its limit a refused body is read and thrown away: a caller cut off while sending never sees the answer."""


class Gone(Exception):
    """The caller closed the connection."""


class Exchange:
    """Reads a request, writes its response, and notices a caller who leaves."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, largest: int) -> None:
        self.scope = scope
        self.id = new_id("call")
        self.started = False
        self._receive = receive
        self._send = send
        self._largest = largest
        self._headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._watching: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self.gone = False

    def header(self, name: bytes) -> bytes:
        return self._headers.get(name, b"")

    def secret(self) -> bytes:
        """The API key as OpenAI's clients send it, or Anthropic's."""
        authorization = self.header(b"authorization")
        if authorization[:7].lower() == b"bearer ":
            return authorization[7:].strip()
        return self.header(b"x-api-key")

    def traceparent(self) -> str:
        """The trace that the caller is in, if it says."""
        return read_traceparent(self.scope["headers"]) if b"traceparent" in self._headers else ""

    async def body(self) -> bytes:
        """The whole body. Raises :class:`~aver.core.errors.TooLarge`."""
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise Gone
        if len(body) > self._largest or int(self._announced()) > self._largest:
            await self._drain(message, len(body))
        if not message.get("more_body"):
            return body
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest:
                await self._drain(message, size)
        return b"".join(parts)

    async def json(self) -> tuple[dict[str, Any], int]:
        """The body as a JSON object, and its size in bytes. Raises :class:`~aver.core.errors.InvalidInput`."""
        data = await self.body()
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise Malformed(
                f"The body of the request cannot be read as JSON: {error}", "Send UTF-8 JSON, not deeply nested."
            ) from None
        if not isinstance(value, dict):
            raise Malformed("The body of the request is JSON, but no object", "Send an object: {...}.")
        return value, len(data)

    def watch(self) -> None:
        """The task that calls this is cancelled when the caller leaves; :attr:`gone` then says so. Of calls that take no longer than a
        moment nobody finds out, which saves most of them a task."""
        serving = asyncio.current_task()
        assert serving is not None
        self._soon = asyncio.get_running_loop().call_later(_MOMENT, self._begin_watching, serving)

    def unwatch(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def answer(
        self,
        body: bytes,
        status: int = 200,
        headers: Iterable[tuple[bytes, bytes]] = (),
        kind: tuple[bytes, bytes] = _JSON,
    ) -> None:
        self.started = True
        self.unwatch()
        sent = [kind, (b"content-length", b"%d" % len(body)), *self._named(), *_ALWAYS, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": sent})
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, error: AverError, body: bytes | None = None) -> None:
        """``body`` says it in the shape of a protocol; without one it is problem details."""
        headers = []
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % ceil(error.retry_after)))
        if isinstance(error, Unauthenticated):
            headers.append((b"www-authenticate", b"Bearer"))
        if isinstance(error, TooLarge):
            headers.append((b"connection", b"close"))
        if isinstance(error, MethodNotAllowed):
            headers.append((b"allow", error.allowed.encode()))
        if body is None:
            await self.answer(to_json(error.problem()), error.status, headers, _PROBLEM)
        else:
            await self.answer(body, error.status, headers)

    async def begin_stream(self, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.started = True
        sent = [*_EVENTS, *self._named(), *_ALWAYS, *headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": sent})

    async def write(self, data: bytes) -> None:
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        self.unwatch()
        await self._send({"type": "http.response.body", "body": data})

    def _named(self) -> tuple[tuple[bytes, bytes], ...]:
        """The call's id, as OpenAI's clients read it and as Anthropic's do."""
        name = self.id.encode()
        return (b"x-request-id", name), (b"request-id", name)

    def _announced(self) -> str:
        length = self.header(b"content-length").decode("latin-1")
        return length if length.isascii() and length.isdigit() else "0"

    async def _drain(self, message: Mapping[str, Any], size: int) -> None:
        while message.get("more_body") and size <= _DRAINED * self._largest:
            message = await self._receive()
            size += len(message.get("body", b""))
        raise TooLarge(f"The request's body is over {self._largest} bytes", "Send less, or raise max_request_mb.")

    def _begin_watching(self, serving: asyncio.Task[Any]) -> None:
        self._watching = asyncio.create_task(self._wait_for_leaving(serving))

    async def _wait_for_leaving(self, serving: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        serving.cancel()
