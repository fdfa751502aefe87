"""Sends what a dialect wrote, over real HTTP, and reads the answer with the same dialect."""

from __future__ import annotations

import aiohttp
from yarl import URL

from aver.gateway.types import ChatDelta, Completion
from aver.gateway.wire.types import ChatDialect, EmbedDialect, Endpoint, HttpRequest, RerankDialect


async def post(dialect: ChatDialect | EmbedDialect | RerankDialect, request: HttpRequest, **headers: str) -> bytes:
    """The body of the answer; raises the dialect's error for an error status."""
    async with aiohttp.ClientSession() as session, _sent(session, request, headers) as response:
        body = await response.read()
        if response.status != 200:
            raise dialect.error(
                response.status, {name.lower(): value for name, value in response.headers.items()}, body
            )
        return body


def _sent(session: aiohttp.ClientSession, request: HttpRequest, headers: dict[str, str]):
    url = URL(request.url, encoded=True)
    return session.post(
        url, data=request.body, headers=request.headers | {k.replace("_", "-"): v for k, v in headers.items()}
    )


async def whole(dialect: ChatDialect, chat, endpoint: Endpoint, **headers: str) -> Completion:
    return dialect.completion(await post(dialect, dialect.request(chat, endpoint, stream=False), **headers))


async def streamed(dialect: ChatDialect, chat, endpoint: Endpoint, **headers: str) -> tuple[list[ChatDelta], bool]:
    """``(deltas, whether the end marker was read)``."""
    reader, deltas = dialect.reader(asked_usage=True), []
    request = dialect.request(chat, endpoint, stream=True)
    async with aiohttp.ClientSession() as session, _sent(session, request, headers) as response:
        if response.status != 200:
            told = {name.lower(): value for name, value in response.headers.items()}
            raise dialect.error(response.status, told, await response.read())
        async for chunk in response.content.iter_any():
            deltas += reader.feed(chunk)
    return deltas, reader.done
