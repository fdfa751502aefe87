"""The witness over HTTP: ``GET`` and ``POST /v1/heads/{log}``, ``GET /v1/key``. A program of its own, with none of Aver's data."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aver.core.errors import AverError, InvalidInput, TooLarge
from aver.governance.anchors.witness import Witness

__all__ = ["witness_app"]

_LARGEST = 2**16


def witness_app(witness: Witness) -> Starlette:
    async def key(_: Request) -> Response:
        return JSONResponse({"key": witness.key})

    async def head(request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(witness.head, request.path_params["log"]))

    async def cosign(request: Request) -> Response:
        told = await _object(request)
        return JSONResponse(await asyncio.to_thread(witness.cosign, request.path_params["log"], told))

    routes = [
        Route("/v1/key", key, methods=["GET"]),
        Route("/v1/heads/{log}", head, methods=["GET"]),
        Route("/v1/heads/{log}", cosign, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={AverError: _problem})


async def _object(request: Request) -> Any:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            raise TooLarge(f"More than {_LARGEST:,} bytes", "A state and its proof take a few thousand.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("This is no JSON", "Send key, path and statement.") from None


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, AverError)
    return JSONResponse(error.problem(), error.status, media_type="application/problem+json")
