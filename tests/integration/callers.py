"""Callers of gateways over fake providers, and servers of their own for what the fake does not do."""

import asyncio
import contextlib
import json

from aiohttp import web

from aver.gateway import Gateway
from aver.gateway.config.types import Retries
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import Caller, config

TEXT = "You get 20 days of leave, Überraschung, 日本語 🙂. Ten of them carry over."

FAST = Retries(base=0.01)

WELL = Reply(TEXT)


@contextlib.asynccontextmanager
async def asking(*servers, family="openai", **declared):
    declared = {"retries": FAST} | declared
    kept = config(*(server.base_url for server in servers), **declared)
    gateway = Gateway(lambda: kept)
    try:
        yield Caller(gateway, family)
    finally:
        await gateway.close()


@contextlib.contextmanager
def fakes(*replies):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeProvider(each if callable(each) else list(each))) for each in replies]


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - the server lives in another thread
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(handler):
    """A server of its own, for what the fake does not do."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def asking_at(handler, **declared):
    async with serving(handler) as url:
        kept = config(url, retries=FAST, **declared)
        gateway = Gateway(lambda: kept)
        try:
            yield Caller(gateway)
        finally:
            await gateway.close()


def streaming(*chunks, hold=0.0):
    async def handler(request):
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        await asyncio.sleep(hold)
        return response

    return handler


def event(content=None, finish=None):
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r1", "choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"
