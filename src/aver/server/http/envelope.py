"""What surrounds every request: a size limit, headers, one log line without content, and an answer whatever happens."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aver.core.errors import TooLarge
from aver.core.ids import new_id
from aver.server.failures import Internal, where
from aver.server.http.problems import problem_response

__all__ = ["MAX_BODY", "Envelope"]

MAX_BODY = 2 * 1024 * 1024
"""Bytes of a request's body. A question has at most some thousands of characters; the rest is room for a history."""

_DRAINED = 16 * MAX_BODY
"""Bytes of a refused body that are read and thrown away: a caller who is cut off while sending never sees the answer."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

log = logging.getLogger("aver.http")


class Envelope:
    """The outermost middleware. Headers that a route has set itself stand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self._app, scope, receive, send).run()


class _Exchange:
    """One request and its response."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._id = new_id("req")
        self._started = time.monotonic()
        self._received = 0
        self._status = 0

    async def run(self) -> None:
        try:
            if self._announced() > MAX_BODY:
                await self._drain()
                await self._refuse(TooLarge(f"The request's body is over {MAX_BODY} bytes", "Send less."))
            else:
                await self._app(self._scope, self._limited, self._dressed)
        except Exception as error:  # noqa: BLE001 - the last resort of a request: logged, answered without detail
            # Not log.exception: the message of an error may quote a question or a document.
            log.error("unexpected", extra={"request": self._id, "error": where(error)})  # noqa: TRY400
            if not self._status:
                await self._refuse(Internal(self._id))
        finally:
            self._log()

    def _announced(self) -> int:
        length = Headers(scope=self._scope).get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else 0

    async def _limited(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > MAX_BODY:
            if message.get("more_body"):
                await self._drain()
            raise HTTPException(413)
        return message

    async def _drain(self) -> None:
        if self._announced() > _DRAINED:
            return
        more = True
        while more and self._received <= _DRAINED:
            message = await self._receive()
            self._received += len(message.get("body", b""))
            more = message.get("more_body", False)

    async def _dressed(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def _refuse(self, error: TooLarge | Internal) -> None:
        response = problem_response(error, {"Connection": "close"})
        await response(self._scope, self._receive, self._dressed)

    def _log(self) -> None:
        route = self._scope.get("route")
        log.info(
            "request",
            extra={
                "request": self._id,
                "method": self._scope["method"],
                # The pattern, not the path: an address may carry an id, and a mistyped one anything.
                "route": getattr(route, "path", None) or "-",
                "status": self._status or 499,
                "ms": round((time.monotonic() - self._started) * 1000, 1),
            },
        )
