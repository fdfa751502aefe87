import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.calling.hedging import HedgeBudget, delay, raced
from aver.gateway.calling.latency import Latency
from aver.gateway.config.types import Hedge


@given(st.lists(st.tuples(st.integers(1, 1000), st.booleans()), max_size=300))
def test_hedges_cost_no_more_than_their_share_but_for_the_last(calls):
    """Each hedge is allowed by what calls cost on average, so that the last may overshoot by no more than it costs itself."""
    budget, spent, hedged, last = HedgeBudget(), 0, 0, 0
    for cost, late in calls:
        lost = 0
        if late and budget.allows(0.05):
            assert hedged <= 0.05 * spent
            budget.begin()
            budget.end()
            lost = last = cost
        budget.add(cost + lost, lost)
        spent, hedged = spent + cost + lost, hedged + lost
        assert hedged <= 0.05 * spent + last


def test_hedges_under_way_count():
    budget = HedgeBudget()
    for _ in range(25):
        budget.add(100, 0)
    assert budget.allows(0.05)
    budget.begin()
    assert not budget.allows(0.05)
    budget.end()
    assert budget.allows(0.05)


def test_nothing_is_hedged_before_it_is_known_what_is_usual():
    latency = Latency()
    assert delay(Hedge(), latency) is None
    for n in range(100):
        latency.add(n / 100)
    assert delay(Hedge(quantile=0.9), latency) == 0.9
    assert delay(Hedge(quantile=0.9, least=2), latency) == 2


class Asked:
    """Something that takes its time, and notes when it is cancelled."""

    def __init__(self, outcome, until=None):
        self.outcome, self.until, self.cancelled = outcome, until or asyncio.Event(), False
        if until is None:
            self.until.set()

    async def __call__(self):
        try:
            await self.until.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def test_the_first_alone_when_it_is_in_time():
    assert await raced(Asked("a")(), 5, lambda: pytest.fail("nobody else is asked"), pytest.fail) == "a"


async def test_the_second_wins_and_the_first_is_cancelled():
    first = Asked("a", asyncio.Event())
    assert await raced(first(), 0, Asked("b"), pytest.fail) == "b"
    assert first.cancelled


async def test_the_first_may_still_win():
    gate = asyncio.Event()
    second = Asked("b", asyncio.Event())
    first = Asked("a", gate)

    def late():
        gate.set()
        return second()

    assert await raced(first(), 0, late, pytest.fail) == "a"
    assert second.cancelled


async def test_one_failure_waits_for_the_other():
    gate = asyncio.Event()
    first = Asked("a", gate)

    async def second():
        gate.set()
        raise ValueError("b failed")

    assert await raced(first(), 0, second, pytest.fail) == "a"


async def test_two_failures_are_the_first_ones():
    gate = asyncio.Event()

    async def second():
        gate.set()
        raise ValueError("b failed")

    with pytest.raises(KeyError):
        await raced(Asked(KeyError("a failed"), gate)(), 0, second, pytest.fail)


async def test_both_at_once_lose_nothing():
    gate, lost = asyncio.Event(), []

    def second():
        gate.set()
        return Asked("b", gate)()

    assert await raced(Asked("a", gate)(), 0, second, lost.append) == "a"
    assert lost in ([], ["b"])


async def test_leaving_cancels_both():
    first, second = Asked("a", asyncio.Event()), Asked("b", asyncio.Event())
    asked = asyncio.Event()

    def late():
        asked.set()
        return second()

    task = asyncio.create_task(raced(first(), 0, late, pytest.fail))
    await asked.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert first.cancelled
    assert second.cancelled
