"""A fetched value: shared, refreshed before its end, and kept when a refresh fails."""

import asyncio
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.types import Fetched
from aver.testing import FixedClock


class Place:
    """Gives numbered values; what is in ``failing`` it raises instead."""

    def __init__(self, refresh=60.0, expires=inf, quick=False):
        self.clock = FixedClock()
        self.fetched = 0
        self.failing = None
        self.kept = Kept(self.fetch, self.clock)
        self._times = (refresh, expires, quick)

    async def fetch(self):
        self.fetched += 1
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing
        return Fetched(f"value {self.fetched}", *self._times)


async def settled():
    """The background has had its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_callers_cause_one_fetch():
    place = Place()
    assert await asyncio.gather(*[place.kept.get() for _ in range(9)]) == ["value 1"] * 9
    assert place.fetched == 1
    assert place.kept.now() == "value 1"


async def test_a_caller_who_leaves_does_not_stop_the_fetch():
    place = Place()
    leaving = asyncio.create_task(place.kept.get())
    staying = asyncio.create_task(place.kept.get())
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "value 1"
    assert place.fetched == 1


async def test_a_value_is_refreshed_in_the_background():
    place = Place(refresh=60, expires=90)
    await place.kept.get()
    place.clock.advance(61)
    assert place.kept.now() is None
    assert await place.kept.get() == "value 1", "nobody waits for a value that is still good"
    await settled()
    assert place.kept.now() == "value 2"


async def test_an_expired_value_is_waited_for():
    place = Place(refresh=60, expires=90)
    await place.kept.get()
    place.clock.advance(91)
    assert await place.kept.get() == "value 2"


async def test_a_value_that_is_quickly_had_is_waited_for():
    place = Place(refresh=1, quick=True)
    await place.kept.get()
    place.clock.advance(1)
    assert await place.kept.get() == "value 2"


@pytest.mark.parametrize("quick", [False, True])
async def test_the_old_value_is_kept_while_a_refresh_fails(quick):
    place = Place(refresh=60, quick=quick)
    await place.kept.get()
    place.failing = ProviderError("Down", "Wait.")
    for _ in range(5):
        place.clock.advance(61)
        assert await place.kept.get() == "value 1"
        await settled()
    assert place.fetched == 6
    place.failing = None
    place.clock.advance(61)
    await place.kept.get()
    await settled()
    assert await place.kept.get() == "value 7"


async def test_a_failing_refresh_is_not_repeated_for_every_call():
    place = Place(refresh=60)
    await place.kept.get()
    place.failing = ProviderError("Down", "Wait.")
    place.clock.advance(61)
    for _ in range(9):
        await place.kept.get()
        await settled()
    assert place.fetched == 2


async def test_an_expired_value_is_not_used_when_no_other_can_be_had():
    place = Place(refresh=60, expires=90)
    await place.kept.get()
    place.failing = ProviderDenied("Gone", "Ask.")
    place.clock.advance(61)
    await place.kept.get()
    await settled()
    place.clock.advance(30)
    with pytest.raises(ProviderDenied, match="Gone"):
        await place.kept.get()
    assert place.kept.now() is None


async def test_a_failing_place_is_asked_again_only_after_a_while():
    place = Place()
    place.failing = ProviderError("Down", "Wait.")
    for _ in range(9):
        with pytest.raises(ProviderError, match="Down"):
            await place.kept.get()
    assert place.fetched == 1
    place.clock.advance(3)
    place.failing = None
    assert await place.kept.get() == "value 2"


async def test_an_error_that_is_not_understood_shows_nothing_of_itself():
    place = Place()
    place.failing = RuntimeError("hidden")
    with pytest.raises(ProviderError) as caught:
        await place.kept.get()
    assert "hidden" not in str(caught.value)


@given(st.lists(st.tuples(st.sampled_from(["good", "bad"]), st.floats(0, 120)), max_size=30))
async def test_no_caller_ever_gets_an_expired_value(steps):
    place = Place(refresh=60, expires=90)
    made = {}
    for state, pause in steps:
        place.failing = None if state == "good" else ProviderError("Down", "Wait.")
        place.clock.advance(pause)
        try:
            value = await place.kept.get()
        except ProviderError:
            value = None
        await settled()
        made.setdefault(place.kept.known(), place.clock.monotonic())
        if value is not None:
            assert place.clock.monotonic() - made.get(value, place.clock.monotonic()) < 90


def test_a_fetched_value_does_not_show_itself():
    assert "hidden" not in repr(Fetched("hidden"))


@pytest.mark.parametrize(("seconds", "refresh", "expires"), [(3600, 3300, 3590), (60, 40, 54), (0, 0, 0), (-5, 0, 0)])
def test_a_lifetime_is_not_used_to_its_very_end(seconds, refresh, expires):
    fetched = Fetched.for_seconds("x", seconds)
    assert (fetched.refresh, fetched.expires) == (refresh, expires)
