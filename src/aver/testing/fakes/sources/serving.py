"""What every fake of a service shares: it answers on 127.0.0.1 from a thread of its own, counts what it is asked, and misbehaves on demand.

::

    class Desk(FakeService):
        def answer(self, asked):
            return Answer({"tickets": []}) if asked.path == "/tickets" else Answer(status=404)

    with Desk() as desk:
        desk.throttle(2)         # the next two requests are refused
        desk.proofs = {"Bearer secret"}
        ...                      # desk.url, desk.asked
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

__all__ = ["Answer", "Asked", "FakeService"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``path`` with its escapes taken back, ``raw_path`` as it came; ``query`` has the first value of each name, ``queries``
    every one; ``headers`` are by lower-case name."""

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    queries: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: ``content`` as it is when it is bytes or text, else as JSON. ``cut`` breaks the connection off in the middle of it."""

    content: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    def body(self) -> tuple[bytes, str]:
        """The bytes, and of which type they are unless ``headers`` say."""
        if isinstance(self.content, bytes):
            return self.content, "application/octet-stream"
        if isinstance(self.content, str):
            return self.content.encode(), "text/plain; charset=utf-8"
        return json.dumps(self.content).encode(), "application/json"


class FakeService:
    """Answers at :attr:`url` for as long as the ``with`` block lasts; one request at a time, in the order of their arrival.

    ``asked`` is every request, in order, those included that were refused. ``proofs`` are the values of the header ``Authorization``
    that are accepted; any is while there are none. ``meddle`` is asked before everything else, and what it answers is sent.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.proofs: set[str] = set()
        self.meddle: Callable[[Asked], Answer | None] = lambda _: None
        self._throttled: list[Answer] = []
        self._down = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._ready = threading.Event()
        self._closing: asyncio.Event

    def answer(self, asked: Asked) -> Answer:
        """What the service says to an admitted request."""
        raise NotImplementedError

    def refusal(self, asked: Asked) -> Answer:  # noqa: ARG002 - a service may say more to some than to others
        """What it says to a request whose proof is not, or no longer, accepted."""
        return Answer({"message": "Unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})

    def throttle(self, times: int, seconds: float = 0, status: int = 429) -> None:
        """Refuse the next requests, asking for a pause of some ``seconds``."""
        self._throttled += [Answer({"message": "Rate limit exceeded"}, status, {"Retry-After": f"{seconds:g}"})] * times

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within this block every request fails with status 500."""
        self._down = True
        try:
            yield
        finally:
            self._down = False

    def count(self, path: str) -> int:
        """How often something at or below ``path`` was asked for."""
        return sum(each.path == path or each.path.startswith(path.rstrip("/") + "/") for each in self.asked)

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
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.01)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        self._ready.set()
        await self._closing.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        queries = {name: request.query.getall(name) for name in request.query}
        asked = Asked(
            request.method,
            request.path,
            request.rel_url.raw_path,
            {name: values[0] for name, values in queries.items()},
            queries,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        self.asked.append(asked)
        answer = self._answer(asked)
        body, kind = answer.body()
        headers = {"Content-Type": kind, **answer.headers}
        if not answer.cut:
            return web.Response(status=answer.status, body=body, headers=headers)
        response = web.StreamResponse(status=answer.status, headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response

    def _answer(self, asked: Asked) -> Answer:
        if self._down:
            return Answer({"message": "Internal server error"}, 500)
        if (meddled := self.meddle(asked)) is not None:
            return meddled
        if self._throttled:
            return self._throttled.pop(0)
        if self.proofs and asked.headers.get("authorization") not in self.proofs:
            return self.refusal(asked)
        return self.answer(asked)
