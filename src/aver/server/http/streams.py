"""Server-sent events, and turns that end when their caller is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse

from aver.server.wire import to_json

__all__ = ["CallerGone", "begun", "event", "event_stream", "while_connected"]

T = TypeVar("T")


class CallerGone(Exception):
    """The caller closed the connection; what was being done for it was cancelled."""


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled as soon as the caller disconnects (then :class:`CallerGone`)."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerGone
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def begun(items: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same items, the first of them had already: a failure before it is raised here, while a status can still be sent."""
    try:
        first = await anext(items)
    except BaseException:
        await items.aclose()
        raise

    async def rest() -> AsyncGenerator[T]:
        async with aclosing(items):
            yield first
            async for item in items:
                yield item

    return rest()


def event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + to_json(data) + b"\n\n"


def event_stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    """A response of server-sent events; the iterator is cancelled when the caller disconnects."""
    # Proxies that buffer a response would turn a stream into a wait.
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
