"""A turn ends when its caller is gone, and a failure before the first event still has a status."""

import asyncio

import pytest

from aver.core.errors import NotFound
from aver.server.http.streams import CallerGone, begun, event, while_connected


class Caller:
    """Stands for a request: its connection, which closes when ``leave`` is called."""

    def __init__(self):
        self._gone = asyncio.Event()

    def leave(self):
        self._gone.set()

    async def receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}


async def test_work_is_done_while_its_caller_stays():
    async def work():
        await asyncio.sleep(0)
        return 42

    assert await while_connected(Caller(), work()) == 42


async def test_work_is_cancelled_when_its_caller_leaves():
    caller, ended = Caller(), asyncio.Event()

    async def work():
        try:
            caller.leave()
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(CallerGone):
        await while_connected(caller, work())
    assert ended.is_set()


async def test_work_is_cancelled_with_its_request():
    ended = asyncio.Event()

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_connected(Caller(), work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_failure_of_the_work_is_the_failure():
    async def work():
        raise NotFound("Gone", "Look elsewhere.")

    with pytest.raises(NotFound):
        await while_connected(Caller(), work())


async def test_begun_gives_every_item_and_closes():
    closed = asyncio.Event()

    async def items():
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    assert [item async for item in await begun(items())] == [1, 2]
    assert closed.is_set()


async def test_begun_raises_what_happens_before_the_first_item():
    async def items():
        raise NotFound("Gone", "Look elsewhere.")
        yield

    with pytest.raises(NotFound):
        await begun(items())


async def test_leaving_early_closes_the_source():
    closed = asyncio.Event()

    async def items():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    rest = await begun(items())
    assert await anext(rest) == 1
    await rest.aclose()
    assert closed.is_set()


def test_an_event_is_one_line_of_data():
    assert event("sentence", {"text": "two\nlines"}) == b'event: sentence\ndata: {"text":"two\\nlines"}\n\n'
