"""The least a gateway can be: plain ASGI, aiohttp, no check and no record. What is left to win is between it and the real ones.

UPSTREAM=http://127.0.0.1:9000 uvicorn raw_proxy:app
"""

from __future__ import annotations

import os

import aiohttp

UPSTREAM = os.environ.get("UPSTREAM", "")
_state: dict[str, aiohttp.ClientSession] = {}


async def app(scope, receive, send) -> None:
    if scope["type"] != "http":
        return
    if not _state:
        _state["session"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {"content-type": "application/json"}
    async with _state["session"].post(UPSTREAM + scope["path"], data=body, headers=headers) as answer:
        kind = answer.headers["content-type"].encode()
        if kind == b"application/json":
            content = await answer.read()
            await send(_start(answer.status, kind, (b"content-length", b"%d" % len(content))))
            await send({"type": "http.response.body", "body": content})
            return
        await send(_start(answer.status, kind))
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _start(status: int, kind: bytes, *headers: tuple[bytes, bytes]) -> dict:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]}
