"""Equal requests under way share one call, and nobody's leaving is felt by the others."""

from __future__ import annotations

import asyncio

import pytest

from aver.core.errors import ProviderTimeout
from aver.gateway.saving.coalesce import Coalescer
from aver.gateway.types import ChatDelta, Completion, Text

DONE = Completion((Text("done"),), "stop")


class Upstream:
    """Counts its calls, and answers when it is let."""

    def __init__(self):
        self.calls = self.cancelled = 0
        self.go = asyncio.Event()
        self.error = None

    async def make(self):
        self.calls += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return DONE

    async def stream(self):
        self.calls += 1
        try:
            yield [ChatDelta("a")]
            yield [ChatDelta("b")]
            await self.go.wait()
            if self.error:
                raise self.error
            yield [ChatDelta("c", "stop")]
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


async def read(stream):
    return [delta.text async for deltas in stream for delta in deltas]


async def test_equal_requests_are_asked_once():
    coalescer, upstream = Coalescer(), Upstream()
    waiting = [asyncio.create_task(coalescer.complete("k", upstream.make)) for _ in range(5)]
    other = asyncio.create_task(coalescer.complete("other", upstream.make))
    await turn()
    assert coalescer.under_way("k")
    upstream.go.set()
    assert await asyncio.gather(*waiting, other) == [DONE] * 6
    assert upstream.calls == 2
    assert not coalescer.under_way("k")
    await coalescer.complete("k", upstream.make)
    assert upstream.calls == 3


@pytest.mark.parametrize("leaver", [0, 1])
async def test_one_who_leaves_takes_nobody_along(leaver):
    coalescer, upstream = Coalescer(), Upstream()
    waiting = [asyncio.create_task(coalescer.complete("k", upstream.make)) for _ in range(3)]
    await turn()
    waiting.pop(leaver).cancel()
    await turn()
    upstream.go.set()
    assert await asyncio.gather(*waiting) == [DONE] * 2
    assert (upstream.calls, upstream.cancelled) == (1, 0)


async def test_when_the_last_leaves_the_call_ends():
    coalescer, upstream = Coalescer(), Upstream()
    waiting = [asyncio.create_task(coalescer.complete("k", upstream.make)) for _ in range(2)]
    await turn()
    for each in waiting:
        each.cancel()
    await turn()
    assert upstream.cancelled == 1
    assert not coalescer.under_way("k")


async def test_a_failure_is_everyones():
    coalescer, upstream = Coalescer(), Upstream()
    upstream.error = ProviderTimeout("It took too long", "Try again.")
    waiting = [asyncio.create_task(coalescer.complete("k", upstream.make)) for _ in range(3)]
    await turn()
    upstream.go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [ProviderTimeout] * 3
    assert not coalescer.under_way("k")


async def test_who_comes_later_reads_a_stream_from_its_beginning():
    coalescer, upstream = Coalescer(), Upstream()
    leader = asyncio.create_task(read(coalescer.stream("k", upstream.stream)))
    await turn()
    follower = asyncio.create_task(read(coalescer.stream("k", upstream.stream)))
    await turn()
    upstream.go.set()
    assert await asyncio.gather(leader, follower) == [["a", "b", "c"]] * 2
    assert upstream.calls == 1


async def test_a_streams_leader_may_leave():
    coalescer, upstream = Coalescer(), Upstream()
    leader = asyncio.create_task(read(coalescer.stream("k", upstream.stream)))
    follower = asyncio.create_task(read(coalescer.stream("k", upstream.stream)))
    await turn()
    leader.cancel()
    await turn()
    upstream.go.set()
    assert await follower == ["a", "b", "c"]
    assert upstream.cancelled == 0


async def test_a_stream_nobody_reads_is_closed():
    coalescer, upstream = Coalescer(), Upstream()
    stream = coalescer.stream("k", upstream.stream)
    assert await anext(stream) == [ChatDelta("a")]
    await stream.aclose()
    await turn()
    assert upstream.cancelled == 1
    assert not coalescer.under_way("k")


async def test_a_stream_that_breaks_breaks_for_all_after_what_it_had():
    coalescer, upstream = Coalescer(), Upstream()
    upstream.error = ProviderTimeout("It took too long", "Try again.")
    seen = [[], []]

    async def follow(had):
        async for deltas in coalescer.stream("k", upstream.stream):
            had += [delta.text for delta in deltas]

    waiting = [asyncio.create_task(follow(had)) for had in seen]
    await turn()
    upstream.go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [ProviderTimeout] * 2
    assert seen == [["a", "b"]] * 2
