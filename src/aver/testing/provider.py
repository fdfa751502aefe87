"""A model server that answers as scripted, in every family's protocol over real HTTP, faults included.

In a test::

    with FakeProvider([Reply("Twenty days. [1]")]) as server:
        ...  # server.base_url, server.root_url, server.requests

For people: ``python -m aver.testing.provider --port 8099 --script replies.json`` or ``--careless 7``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from aver.core.errors import AverError
from aver.testing.careless import CarelessModel
from aver.testing.fakes import voices
from aver.testing.fakes.types import Answer, Streamed, Voice
from aver.testing.replies import ErrorKind, Operation, Received, Replies, Reply, load_script

__all__ = ["FakeProvider"]

_FOREVER = 3600.0
_KINDS: dict[int, ErrorKind] = {
    400: "invalid_request",
    401: "auth",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    413: "too_large",
    422: "invalid_request",
    429: "rate_limit",
    503: "overloaded",
    529: "overloaded",
}
"""What an error status without ``error`` means; any other is ``server``, or ``invalid_request`` below 500."""


class FakeProvider:
    """Serves ``replies`` on ``http://HOST:PORT`` from a thread of its own, for as long as the ``with`` block lasts, in whatever protocol
    is asked.

    ``requests`` holds what was asked, in order of arrival. With ``key``, other keys are refused. After the block nothing listens
    on the port: connections to :attr:`base_url` are then refused.
    """

    def __init__(self, replies: Replies, *, key: str | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Received] = []
        self._reply = replies if callable(replies) else _in_order(replies)
        self._key = key
        self._socket = socket.create_server((host, port))
        self._host, self._port = host, self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-provider", daemon=True)
        self._ready = threading.Event()
        self._closing: asyncio.Event

    @property
    def root_url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def base_url(self) -> str:
        """Where OpenAI's protocol is spoken."""
        return f"{self.root_url}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._closing = asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        served = set()
        for voice in voices():
            for route in voice.routes:
                if (route.method, route.path) not in served:
                    served.add((route.method, route.path))
                    app.router.add_route(route.method, route.path, self._handler(voice, route.operation))
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._ready.set()
        await self._closing.wait()
        await runner.cleanup()

    def _handler(self, voice: Voice, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            received = Received(request.path, request.headers.copy(), family=voice.family, operation=operation)
            received.method, received.query, received.captured = request.method, request.query, request.match_info
            self.requests.append(received)
            try:
                return await self._answer(request, voice, received)
            except (asyncio.CancelledError, ConnectionError):
                received.abandoned = not self._closing.is_set()
                raise

        return handle

    async def _answer(self, request: web.Request, voice: Voice, received: Received) -> web.StreamResponse:
        received.raw = await request.read()
        try:
            received.body = json.loads(received.raw) if received.raw else {}
            if self._key is not None and not voice.admits(received, self._key):
                return _whole(voice.error(received, "auth", "", None))
            received.asked = voice.asked(received)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _whole(voice.error(received, "invalid_request", f"The request cannot be read: {error}", None))
        if received.operation == "models":
            return _whole(voice.whole(received, Reply()))
        return await _Exchange(request, voice, received, self._reply(received)).answer()


def _in_order(replies: Sequence[Reply]) -> Callable[[Received], Reply]:
    rest = list(replies)

    def following(_: Received) -> Reply:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return following


def _whole(answer: Answer, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=answer.body,
        status=answer.status,
        headers={"Content-Type": answer.content_type, **answer.headers, **(headers or {})},
    )


class _Exchange:
    """One reply on its way, in any voice."""

    def __init__(self, request: web.Request, voice: Voice, received: Received, reply: Reply) -> None:
        self._request = request
        self._voice = voice
        self._received = received
        self._reply = _continued(received, reply)
        self._headers = dict(reply.headers)
        if reply.retry_after is not None:
            after = reply.retry_after
            self._headers["Retry-After"] = after if isinstance(after, str) else f"{after:g}"

    async def answer(self) -> web.StreamResponse:
        reply, received = self._reply, self._received
        within = reply.fault == "error-event"
        if reply.status != 200 or (reply.error and not within):
            kind = reply.error or _KINDS.get(reply.status, "server" if reply.status >= 500 else "invalid_request")
            status = reply.status if reply.status != 200 else None
            return _whole(self._voice.error(received, kind, reply.text, status), self._headers)
        if reply.prefill == "reject" and received.asked and received.asked.prefill is not None:
            message = "The conversation must end with a user message; this model does not support assistant prefill."
            return _whole(self._voice.error(received, "invalid_request", message, None), self._headers)
        match reply.fault:
            case "reset":
                self._reset()
                return web.Response()
            case "silence":
                await asyncio.sleep(_FOREVER)
            case "not-json":
                return web.Response(text="<html><body>Welcome to the proxy.</body></html>", content_type="text/html")
        if received.stream:
            return await self._streamed()
        return await self._at_once()

    async def _streamed(self) -> web.StreamResponse:
        reply = self._reply
        streamed = self._voice.stream(self._received, reply.begun() if reply.breaks_off else reply)
        response = web.StreamResponse(
            headers={"Content-Type": streamed.content_type, "Cache-Control": "no-cache", **self._headers}
        )
        await response.prepare(self._request)
        await asyncio.sleep(reply.first_pause)
        for piece in self._paced(streamed):
            await response.write(piece)
            await asyncio.sleep(reply.pause)
        if reply.breaks_off:
            await self._break_off(response, streamed.ending[0] if streamed.ending else b"")
        else:
            for piece in streamed.ending if reply.fault != "slow-drip" else ():
                await response.write(piece)
        return response

    def _paced(self, streamed: Streamed) -> Iterator[bytes]:
        if self._reply.fault != "slow-drip":
            return iter(streamed.pieces)
        everything, size = b"".join((*streamed.pieces, *streamed.ending)), max(1, self._reply.piece)
        return (everything[start : start + size] for start in range(0, len(everything), size))

    async def _break_off(self, response: web.StreamResponse, following: bytes) -> None:
        match self._reply.fault:
            case "stall":
                await asyncio.sleep(_FOREVER)
            case "malformed":
                await response.write(self._voice.malformed())
            case "error-event":
                kind = self._reply.error or "overloaded"
                await response.write(self._voice.stream_error(self._received, kind, ""))
            case "cut":
                await response.write(following[: len(following) // 2])
                self._reset()

    async def _at_once(self) -> web.StreamResponse:
        """The reply in one piece; a fault that breaks off shows half of it."""
        reply = self._reply
        answer = self._voice.whole(self._received, reply)
        await asyncio.sleep(reply.first_pause)
        half = answer.body[: len(answer.body) // 2]
        match reply.fault:
            case "unfinished":
                return _whole(replace(answer, body=half), self._headers)
            case "malformed":
                return _whole(replace(answer, body=b'{"unexpected": true}'), self._headers)
            case "error-event":
                return _whole(self._voice.error(self._received, reply.error or "overloaded", "", None), self._headers)
            case "stall" | "cut" | "slow-drip":
                return await self._by_halves(answer, half)
        return _whole(answer, self._headers)

    async def _by_halves(self, answer: Answer, half: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": answer.content_type, **self._headers})
        response.content_length = len(answer.body)
        await response.prepare(self._request)
        if self._reply.fault == "slow-drip":
            for piece in self._paced(Streamed([answer.body], [])):
                await response.write(piece)
                await asyncio.sleep(self._reply.pause)
            return response
        await response.write(half)
        await self._break_off(response, b"")
        return response

    def _reset(self) -> None:
        """Closes so that the peer sees a reset, not an orderly end: lingering for 0 seconds discards the connection."""
        if self._request.transport is not None:
            raw = self._request.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._request.transport.abort()


def _continued(received: Received, reply: Reply) -> Reply:
    """The reply without what the caller's own last message of the assistant says already."""
    begun = received.asked.prefill if received.asked else None
    if reply.prefill == "continue" and begun and reply.text.startswith(begun):
        return replace(reply, text=reply.text[len(begun) :])
    return reply


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m aver.testing.provider", description="A fake model server.")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--key", help="refuse other keys")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--script", type=Path, metavar="FILE", help="a JSON list of replies")
    source.add_argument("--careless", type=int, metavar="SEED", help="a model that cites wrongly and invents")
    options = parser.parse_args(arguments)
    try:
        replies = load_script(options.script) if options.script else CarelessModel(options.careless)
    except AverError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    with FakeProvider(replies, key=options.key, port=options.port) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(_FOREVER)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
