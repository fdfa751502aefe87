import asyncio

import pytest

from aver.core.errors import Overloaded
from aver.gateway.calling.bulkhead import Bulkhead


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_waits_gets_the_place_that_comes_free_in_order():
    bulkhead = Bulkhead("p", 1, 5)
    bulkhead.enter()
    came = []

    async def call(name):
        await bulkhead.wait()
        came.append(name)

    tasks = [asyncio.create_task(call(name)) for name in "abc"]
    await settle()
    assert (bulkhead.busy, bulkhead.waiting, came) == (1, 3, [])
    for expected in ("a", "ab", "abc"):
        bulkhead.leave()
        await settle()
        assert "".join(came) == expected
        assert bulkhead.busy == 1
    bulkhead.leave()
    assert (bulkhead.busy, bulkhead.free) == (0, True)
    await asyncio.gather(*tasks)


async def test_a_full_queue_sheds_and_says_when_to_come_back():
    bulkhead = Bulkhead("p", 1, 0)
    bulkhead.enter()
    with pytest.raises(Overloaded) as caught:
        await bulkhead.wait()
    assert caught.value.retry_after == 1


@pytest.mark.parametrize("freed", [False, True])
async def test_who_stops_waiting_loses_no_place(freed):
    bulkhead = Bulkhead("p", 1, 5)
    bulkhead.enter()
    task = asyncio.create_task(bulkhead.wait())
    await settle()
    if freed:
        bulkhead.leave()  # the place is given, and its taker cancelled before it runs
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if not freed:
        bulkhead.leave()
    assert (bulkhead.busy, bulkhead.waiting) == (0, 0)
