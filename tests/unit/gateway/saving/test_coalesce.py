"""Equal requests under way share one call, and nobody's leaving is felt by the others."""

from __future__ import annotations

import asyncio

import pytest

from aver.core.errors import ProviderTimeout, Unavailable
from aver.gateway.saving.coalesce import Coalescer, Shared


class Upstream:
    """Counts its calls, and goes on when it is let."""

    def __init__(self):
        self.calls = self.stopped = 0
        self.go = asyncio.Event()
        self.error = None

    def make(self):
        return Shared(self.tell())

    async def tell(self):
        self.calls += 1
        try:
            yield "a"
            yield "b"
            await self.go.wait()
            if self.error:
                raise self.error
            yield "c"
        except asyncio.CancelledError:
            self.stopped += 1
            raise


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


async def read(coalescer, upstream, had=None, key="k"):
    """As a caller does: to its end, or away."""
    had = [] if had is None else had
    shared = coalescer.join(key, upstream.make)
    try:
        while (each := await shared.read(len(had))) is not None:
            had.append(each)
    finally:
        await shared.leave()
    return had


@pytest.fixture
async def met():
    return Coalescer(), Upstream()


async def test_equal_requests_are_asked_once(met):
    _, upstream = met
    waiting = [asyncio.create_task(read(*met)) for _ in range(5)]
    other = asyncio.create_task(read(*met, key="other"))
    await turn()
    upstream.go.set()
    assert await asyncio.gather(*waiting, other) == [["a", "b", "c"]] * 6
    assert upstream.calls == 2
    await read(*met)
    assert upstream.calls == 3  # it is no cache


async def test_who_comes_later_has_it_from_the_beginning(met):
    _, upstream = met
    first = asyncio.create_task(read(*met))
    await turn()
    second = asyncio.create_task(read(*met))
    await turn()
    upstream.go.set()
    assert await asyncio.gather(first, second) == [["a", "b", "c"]] * 2
    assert upstream.calls == 1


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_one_who_leaves_takes_nobody_along(met, leaver):
    _, upstream = met
    waiting = [asyncio.create_task(read(*met)) for _ in range(3)]
    await turn()
    waiting.pop(leaver).cancel()
    await turn()
    upstream.go.set()
    assert await asyncio.gather(*waiting) == [["a", "b", "c"]] * 2
    assert (upstream.calls, upstream.stopped) == (1, 0)


async def test_when_the_last_leaves_the_call_has_ended(met):
    coalescer, upstream = met
    one, other = coalescer.join("k", upstream.make), coalescer.join("k", upstream.make)
    assert one is other
    assert await one.read(1) == "b"
    await one.leave()
    assert not upstream.stopped
    await other.leave()
    assert upstream.stopped == 1


async def test_nobody_joins_a_call_that_is_being_stopped(met):
    coalescer, upstream = met
    dying = coalescer.join("k", upstream.make)
    await dying.read(0)
    leaving = asyncio.create_task(dying.leave())
    await asyncio.sleep(0)
    assert not dying.task.done()
    assert coalescer.join("k", upstream.make) is not dying
    await leaving
    upstream.go.set()
    assert await read(*met) == ["a", "b", "c"]  # the newer one keeps its place when the older ends
    assert upstream.calls == 2


async def test_a_failure_is_everyones_after_what_there_was(met):
    _, upstream = met
    upstream.error = ProviderTimeout("It took too long", "Try again.")
    seen = [[], [], []]
    waiting = [asyncio.create_task(read(*met, had)) for had in seen]
    await turn()
    upstream.go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [ProviderTimeout] * 3
    assert seen == [["a", "b"]] * 3


async def test_a_failure_that_nobody_waits_for_is_no_news(met):
    coalescer, upstream = met
    upstream.error = ProviderTimeout("It took too long", "Try again.")
    shared = coalescer.join("k", upstream.make)
    upstream.go.set()
    await asyncio.wait({shared.task})
    await shared.leave()
    assert not upstream.stopped


async def test_who_waits_when_all_is_closed_is_told_so(met):
    coalescer, upstream = met
    waiting = asyncio.create_task(read(*met))
    await turn()
    await coalescer.close()
    with pytest.raises(Unavailable):
        await waiting
    assert upstream.stopped == 1
