"""A model server that answers as scripted: OpenAI's chat protocol over real HTTP, faults included.

In a test::

    with FakeProvider([Reply("Twenty days. [1]")]) as server:
        ...  # server.base_url, server.requests

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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from aver.core.errors import AverError
from aver.testing.careless import CarelessModel
from aver.testing.replies import Received, Replies, Reply, load_script

__all__ = ["FakeProvider"]

_MODEL = "fake"
_FOREVER = 3600.0
_CREATED = 1_767_225_600
"""2026-01-01: answers carry a date, and a fixed one keeps them equal."""


class FakeProvider:
    """Serves ``replies`` on ``http://HOST:PORT/v1`` from a thread of its own, for as long as the ``with`` block lasts.

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
    def base_url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

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
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._ready.set()
        await self._closing.wait()
        await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        self.requests.append(Received(request.path, dict(request.headers)))
        if not self._admits(request):
            return _error(401, "Incorrect API key provided")
        model = {"id": _MODEL, "object": "model", "created": _CREATED, "owned_by": "aver.testing"}
        return web.json_response({"object": "list", "data": [model]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        received = Received(request.path, dict(request.headers))
        self.requests.append(received)
        try:
            received.body = json.loads(await request.read())
            if not self._admits(request):
                return _error(401, "Incorrect API key provided")
            return await _answer(request, received, self._reply(received))
        except (asyncio.CancelledError, ConnectionError):
            received.abandoned = not self._closing.is_set()
            raise
        except ValueError as error:
            return _error(400, f"The request is not JSON: {error}")

    def _admits(self, request: web.Request) -> bool:
        return self._key is None or request.headers.get("Authorization") == f"Bearer {self._key}"


def _in_order(replies: Sequence[Reply]) -> Callable[[Received], Reply]:
    rest = list(replies)

    def following(_: Received) -> Reply:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return following


async def _answer(request: web.Request, received: Received, reply: Reply) -> web.StreamResponse:
    if reply.status != 200:
        headers = {} if reply.retry_after is None else {"Retry-After": f"{reply.retry_after:g}"}
        return _error(reply.status, reply.text, headers)
    match reply.fault:
        case "reset":
            _reset(request)
            return web.Response()
        case "silence":
            await asyncio.sleep(_FOREVER)
        case "not-json":
            return web.Response(text="<html><body>Welcome to the proxy.</body></html>", content_type="text/html")
    if received.body.get("stream"):
        return await _Stream(request, received, reply).write()
    return web.json_response(_completion(received, reply))


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)


def _reset(request: web.Request) -> None:
    """Closes so that the peer sees a reset, not an orderly end: lingering for 0 seconds discards the connection."""
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


def _envelope(received: Received, kind: str) -> dict[str, Any]:
    model = received.body.get("model", _MODEL)
    return {"id": "chatcmpl-fake", "object": kind, "created": _CREATED, "model": model}


def _usage(received: Received, text: str) -> dict[str, int]:
    """Words stand for tokens: exact counts that a test can work out."""
    asked, written = len(received.prompt.split()), len(text.split())
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def _completion(received: Received, reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text}
    choices = [{"index": 0, "message": message, "finish_reason": reply.finish}]
    body = _envelope(received, "chat.completion") | {"choices": [] if reply.fault == "empty-choices" else choices}
    return body | ({"usage": _usage(received, reply.text)} if reply.usage else {})


class _Stream:
    """One reply as server-sent events."""

    def __init__(self, request: web.Request, received: Received, reply: Reply) -> None:
        self._request = request
        self._received = received
        self._reply = reply
        self._response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})

    async def write(self) -> web.StreamResponse:
        reply = self._reply
        await self._response.prepare(self._request)
        if reply.fault != "empty-choices":
            await self._choice({"role": "assistant", "content": ""})
            breaks_off = reply.fault in ("stall", "cut", "unfinished", "malformed")
            text = reply.text[: reply.after] if breaks_off else reply.text
            for start in range(0, len(text), reply.piece):
                await self._choice({"content": text[start : start + reply.piece]})
                await asyncio.sleep(reply.pause)
            if breaks_off:
                return await self._break_off()
            await self._choice({}, finish=reply.finish)
        wants_usage = (self._received.body.get("stream_options") or {}).get("include_usage")
        if reply.usage and wants_usage:
            await self._event({"choices": [], "usage": _usage(self._received, reply.text)})
        await self._response.write(b"data: [DONE]\n\n")
        return self._response

    async def _break_off(self) -> web.StreamResponse:
        match self._reply.fault:
            case "stall":
                await asyncio.sleep(_FOREVER)
            case "malformed":
                await self._response.write(b'data: {"choices": [{"delta": {"cont\n\n')
            case "cut":
                _reset(self._request)
        return self._response

    async def _choice(self, delta: dict[str, str], finish: str | None = None) -> None:
        await self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    async def _event(self, fields: dict[str, Any]) -> None:
        event = _envelope(self._received, "chat.completion.chunk") | fields
        await self._response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


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
