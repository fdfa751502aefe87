"""The interval against tables, and against the distribution it is read from."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.cache.bound import interval


@pytest.mark.parametrize(
    ("wrong", "of", "low", "high"),
    [(0, 10, 0.0, 0.3085), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0), (0, 0, 0.0, 1.0)],
)
def test_it_is_the_published_one(wrong, of, low, high):
    assert interval(wrong, of) == pytest.approx((low, high), abs=1e-4)


def test_none_wrong_is_below_a_percent_from_368_on():
    assert interval(0, 367)[1] > 0.01 >= interval(0, 368)[1]


@given(st.integers(1, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_each_side_leaves_out_a_fortieth(counted):
    wrong, of = counted
    low, high = interval(wrong, of)

    def up_to(most, rate):
        return sum(comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(most + 1))

    if wrong < of:
        assert up_to(wrong, high) == pytest.approx(0.025, abs=1e-6)
    if wrong:
        assert 1 - up_to(wrong - 1, low) == pytest.approx(0.025, abs=1e-6)


def test_large_counts_do_not_overflow():
    low, high = interval(5_000, 1_000_000)
    assert 0.0048 < low < 0.005 < high < 0.0052
