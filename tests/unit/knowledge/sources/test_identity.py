"""A value that is renewed before its end, and serves on while it is good."""

import pytest

from aver.core.errors import ProviderDenied, ProviderError, SourceDenied, Unavailable
from aver.gateway.credentials.types import Fetched
from aver.knowledge.sources.identity import Identity
from aver.testing import FixedClock


class Keeper:
    """Gives 1, 2, 3 ..., each for an hour, unless it fails."""

    def __init__(self):
        self.given = 0
        self.error = None

    async def fetch(self):
        if self.error:
            raise self.error
        self.given += 1
        return Fetched.for_seconds(self.given, 3600)


@pytest.fixture
def keeper():
    return Keeper()


def test_it_is_fetched_when_needed_and_shortly_before_its_end(keeper):
    clock = FixedClock()
    identity = Identity(keeper.fetch, clock)
    assert keeper.given == 0
    assert [identity.get(), identity.get()] == [1, 1]
    clock.advance(3299)
    assert identity.get() == 1
    clock.advance(1)
    assert identity.get() == 2


def test_one_that_was_refused_is_fetched_anew(keeper):
    identity = Identity(keeper.fetch, FixedClock())
    assert [identity.get(), identity.get(anew=True), identity.get()] == [1, 2, 2]


def test_one_that_is_good_serves_on_while_there_is_no_newer_one(keeper):
    clock = FixedClock()
    identity = Identity(keeper.fetch, clock)
    identity.get()
    keeper.error = ProviderError("It is away", "Try again.")
    clock.advance(3400)
    assert identity.get() == 1
    with pytest.raises(Unavailable, match="It is away") as caught:
        identity.get(anew=True)
    assert not isinstance(caught.value, ProviderError)
    clock.advance(200)
    with pytest.raises(Unavailable, match="It is away"):
        identity.get()
    keeper.error = None
    assert identity.get() == 2


def test_where_there_is_none_it_is_denied(keeper):
    keeper.error = ProviderDenied("There are no credentials", "Set them.")
    with pytest.raises(SourceDenied, match=r"no credentials\. Set them"):
        Identity(keeper.fetch, FixedClock()).get()
