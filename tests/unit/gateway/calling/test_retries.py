import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError, ProviderThrottled
from aver.gateway.calling.retries import RetryBudget, wait_before
from aver.gateway.config.types import Retries

DOWN = ProviderError("It is down", "Try again.")


@given(st.floats(0, 1), st.lists(st.booleans(), max_size=400))
def test_retries_never_exceed_their_share_and_the_reserve(share, events):
    budget = RetryBudget(share)
    calls = retries = 0
    for is_call in events:
        if is_call:
            calls += 1
            budget.deposit()
        else:
            retries += budget.withdraw()
        assert retries <= share * calls + (5 if share else 0) + 1e-6


def test_an_outage_is_no_storm():
    budget = RetryBudget(0.1)
    attempts = 0
    for _ in range(200):
        budget.deposit()
        attempts += 1 + budget.withdraw()
    assert attempts <= 200 * 1.2


def test_without_a_share_nothing_is_retried():
    budget = RetryBudget(0)
    budget.deposit()
    assert not budget.withdraw()


@given(st.integers(1, 30), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_anything_up_to_the_doubled_base_and_never_too_long(attempt, draw):
    retries = Retries(base=0.25, longest=8)
    wait = wait_before(retries, attempt, DOWN, lambda: draw)
    assert 0 <= wait <= min(8, 0.25 * 2 ** (attempt - 1))


def test_waits_differ():
    draw = random.Random(5).random
    waits = {wait_before(Retries(), 3, DOWN, draw) for _ in range(50)}
    assert len(waits) == 50
    assert max(waits) - min(waits) > 0.5


@pytest.mark.parametrize(("asked", "longest", "waited"), [(2, 8, True), (8, 8, True), (9, 8, False)])
def test_a_provider_that_says_when_is_waited_for_unless_it_is_too_long(asked, longest, waited):
    error = ProviderThrottled("Slow down", "Wait.", retry_after=asked)
    wait = wait_before(Retries(longest=longest, base=0.25), 1, error, lambda: 0.5)
    assert (wait is not None) == waited
    assert wait is None or wait == asked + 0.125
