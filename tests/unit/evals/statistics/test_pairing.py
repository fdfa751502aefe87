"""Two runs compared: never better by luck, and better where there is a difference."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.statistics.intervals import area, ratio
from aver.evals.statistics.pairing import Difference, difference, verdicts


def mean_of(values):
    return np.column_stack((values, np.ones(len(values)))).astype(float)


def verdict(before, after, figure=ratio):
    return verdicts({"one": difference(before, after, figure)})["one"]


def test_the_same_run_twice_is_inconclusive():
    values = mean_of(np.random.default_rng(1).random(200))
    found = difference(values, values)
    assert (found.value, found.p) == (0, 1)
    # That no one of 200 changed leaves it possible that one in fifty would.
    assert -0.02 < found.low < -0.01 < 0.01 < found.high < 0.02
    assert verdict(values, values) == "inconclusive"


def test_a_clear_difference_is_seen_both_ways():
    random = np.random.default_rng(2)
    before = random.random(200) * 0.8
    after = before + random.uniform(0, 0.2, 200)
    assert verdict(mean_of(before), mean_of(after)) == "better"
    assert verdict(mean_of(after), mean_of(before)) == "worse"


def test_a_handful_of_questions_that_went_well_is_not_better():
    """Four of 500 that turned right and none that turned wrong: one in sixteen such fours are all on one side or the other."""
    before = np.repeat([0.0, 1.0], 250)
    after = before.copy()
    after[:4] = 1
    found = difference(mean_of(before), mean_of(after))
    assert found.method == "newcombe"
    assert found.p == pytest.approx(1 / 2**4)
    assert verdict(mean_of(before), mean_of(after)) == "inconclusive"


def test_the_randomisation_test_is_exact():
    """Against all exchanges of 20 pairs of which eight differ."""
    before = np.zeros(20)
    after = np.array([0.9, 0.1, 0.4, 0.3, -0.2, 0.5, 0.7, -0.1] + [0.0] * 12)
    sums = [sum(s * d for s, d in zip(signs, after[:8], strict=True)) for signs in itertools.product((1, -1), repeat=8)]
    exact = np.mean(np.abs(sums) >= abs(after.sum()) - 1e-9)
    assert difference(mean_of(before), mean_of(after)).p == pytest.approx(exact, abs=0.02)


def test_runs_that_are_alike_are_rarely_told_apart():
    """Eight measures of runs without a difference, looked at together: about 5 times in 100 one of them would have a verdict."""
    random = np.random.default_rng(3)
    wrong = 0
    for trial in range(25):
        some = {
            name: difference(mean_of(random.random(40)), mean_of(random.random(40)), seed=trial) for name in range(8)
        }
        wrong += any(each != "inconclusive" for each in verdicts(some).values())
    assert wrong <= 5  # more in 1 of 100 tests at 5 %; each measure by itself would have 8


def test_areas_on_different_scales_compare():
    random = np.random.default_rng(4)
    kinds = np.repeat([1.0, 0.0], 80)
    good, poor = random.normal(2 * kinds, 1), random.normal(0.3 * kinds, 1)
    sharp, blunt = np.column_stack((kinds, 1000 * good)), np.column_stack((kinds, poor))
    assert verdict(blunt, sharp, area) == "better"
    assert verdict(sharp, blunt, area) == "worse"
    found = difference(np.column_stack((kinds, good)), sharp, area)
    assert (found.value, found.p) == (0, 1)


def test_too_few_pairs_have_no_verdict():
    found = difference(mean_of(np.zeros(19)), mean_of(np.ones(19)))
    assert (found.value, found.low, found.p) == (1, None, None)
    assert verdicts({"one": found}) == {"one": "inconclusive"}


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_verdicts_are_holms(ps):
    """Sure are those that a hypothesis test of level 5 % rejects step by step."""
    found = verdicts({n: Difference(0, 1, 1, 0.5, 1.5, p, 99) for n, p in enumerate(ps)})
    still = True
    for rank, number in enumerate(sorted(range(len(ps)), key=lambda n: (ps[n], n))):
        still = still and ps[number] * (len(ps) - rank) <= 1 - 0.95
        assert found[number] == ("better" if still else "inconclusive")
