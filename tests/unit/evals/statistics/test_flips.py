"""Yes-or-no questions in two runs: McNemar's test and Newcombe's interval."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.statistics.flips import Flips, flips, newcombe


def of(both, wrong, right, neither):
    before = np.repeat([1.0, 1.0, 0.0, 0.0], [both, wrong, right, neither])
    after = np.repeat([1.0, 0.0, 1.0, 0.0], [both, wrong, right, neither])
    return flips(before, after)


def test_newcombes_interval_as_published():
    """Table II, line (36, 12, 2, 0), method 10; there the difference is of the first less the second."""
    low, high = newcombe(of(36, 2, 12, 0))
    assert (low, high) == pytest.approx((0.0569, 0.3404), abs=1e-4)


@settings(deadline=None)
@given(st.integers(0, 15), st.integers(0, 15))
def test_mcnemar_as_counted(right, wrong):
    found = of(3, wrong, right, 4)
    turned, fewer = right + wrong, min(right, wrong)
    chances = [math.comb(turned, k) / 2**turned for k in range(turned + 1)]
    assert found.exact == pytest.approx(min(1.0, 2 * sum(chances[: fewer + 1])))
    assert found.mid_p == pytest.approx(min(1.0, 2 * sum(chances[: fewer + 1]) - chances[fewer]))
    assert (found.n, found.right, found.wrong, found.both) == (7 + turned, right, wrong, 3)


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda counts: sum(counts) > 0))
def test_the_interval_holds_the_difference_and_turns_with_the_runs(counts):
    both, wrong, right, neither = counts
    found, other = of(both, wrong, right, neither), of(both, right, wrong, neither)
    low, high = newcombe(found)
    value = (right - wrong) / found.n
    assert -1 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    assert newcombe(other) == pytest.approx((-high, -low))


def test_no_flip_at_all_is_no_certainty():
    low, high = newcombe(Flips(100, 0, 0, 80, 1, 1))
    assert low < -0.01
    assert high > 0.01
