"""What answers beside the doors when nothing else is served: health, and that there is nothing here."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from aver.core.errors import AverError, NotFound
from aver.server.application import Application
from aver.server.doors.app import Doors
from aver.server.wire import to_json

__all__ = ["gateway_alone"]


def gateway_alone(application: Application) -> ASGIApp:
    """The doors, ``/healthz`` and ``/readyz``: no assistant, no console, and none of the memory they take."""
    application.alone = True
    return Doors(application, _Rest(application))


class _Rest:
    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope["path"], send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            if not self._application.settings.environment:
                self._application.gateway.names()
                self._application.gateway.warm()
        except AverError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._application.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, path: str, send: Send) -> None:
        status, kind = 200, b"application/json"
        try:
            content = to_json({"status": await self._health(path)})
        except AverError as error:
            status, kind, content = error.status, b"application/problem+json", to_json(error.problem())
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _health(self, path: str) -> str:
        if path == "/readyz":
            await asyncio.to_thread(self._application.check_storage)
            return "ready"
        if path == "/healthz":
            return "ok"
        raise NotFound("There is nothing at this address", "Only the gateway is served: /v1/models lists its models.")
