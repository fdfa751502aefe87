"""Intervals: known values, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.abstention import auroc
from aver.evals.statistics.intervals import LEAST, area, interval, ratio, wilson

scores = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12)


def mean_of(values):
    return np.column_stack((values, np.ones(len(values)))).astype(float)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(successes, n, low, high):
    assert wilson(successes / n, n) == pytest.approx((low, high), abs=1e-4)


@settings(deadline=None)
@given(st.integers(1, 200), st.data())
def test_wilson_holds_its_share_and_stays_a_proportion(n, data):
    share = data.draw(st.integers(0, n)) / n
    low, high = wilson(share, n)
    assert 0 <= low <= share <= high <= 1
    assert high - low > 0


@settings(deadline=None)
@given(scores, scores)
def test_the_area_is_the_share_of_pairs_in_order(right, wrong):
    pairs = [1.0 if one > other else 0.5 if one == other else 0.0 for one in right for other in wrong]
    assert auroc(right, wrong) == pytest.approx(sum(pairs) / len(pairs))
    assert auroc(right, wrong) == pytest.approx(1 - auroc(wrong, right))


@settings(deadline=None)
@given(scores, scores, st.integers(0, 10))
def test_the_area_of_a_resample_is_that_of_the_questions_drawn(right, wrong, seed):
    columns = np.array([(1.0, each) for each in right] + [(0.0, each) for each in wrong])
    random = np.random.default_rng(seed)
    drawn = np.concatenate((random.choice(len(right), len(right)), len(right) + random.choice(len(wrong), len(wrong))))
    weights = np.bincount(drawn, minlength=len(columns)).astype(float)[None]
    found = columns[drawn]
    expected = auroc(found[found[:, 0] == 1, 1], found[found[:, 0] == 0, 1])
    assert float(area(weights, columns)[0]) == pytest.approx(expected)


def test_infinite_confidence_is_an_order_like_any_other():
    assert auroc([1.0, -np.inf], [-np.inf, -np.inf]) == 0.75


def test_a_ratio_is_as_sure_as_a_proportion_that_varies_as_much():
    shares = interval(mean_of([1, 0] * 30))
    assert (shares.method, shares.low, shares.high) == ("wilson", *wilson(0.5, 60))
    means = interval(mean_of(np.linspace(0, 1, 60)))
    assert means.method == "wilson"
    # The standard error of this mean is .0380, and Student's distribution has 2.00 at 59 degrees.
    assert means.low == pytest.approx(0.5 - 2.0 * 0.0380, abs=0.002)
    assert means.high == pytest.approx(0.5 + 2.0 * 0.0380, abs=0.002)


def test_an_unbounded_mean_has_an_interval_that_leans_as_its_values_do():
    costs = interval(mean_of(np.random.default_rng(1).lognormal(0, 1, 60)))
    assert costs.method == "student"
    assert costs.high - costs.value > 1.2 * (costs.value - costs.low)


def test_an_area_has_a_bootstrap_that_its_seed_gives_again():
    random = np.random.default_rng(2)
    kinds = np.repeat([1.0, 0.0], 40)
    columns = np.column_stack((kinds, random.normal(kinds, 1)))
    assert interval(columns, area).method == "bootstrap"
    assert interval(columns, area) == interval(columns, area)
    assert interval(columns, area) != interval(columns, area, seed=1)


def test_too_few_questions_have_a_value_and_no_interval():
    values = mean_of(np.linspace(0, 1, LEAST - 1))
    assert interval(values).method == "too few"
    assert interval(values).low is None
    kinds = np.array([(1.0, each) for each in range(50)] + [(0.0, each) for each in range(LEAST - 1)])
    assert interval(kinds, area).method == "too few"


def test_equal_values_are_not_certainty():
    found = interval(mean_of([1.0] * 25))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.9
    middling = interval(mean_of([0.4] * 25))
    assert middling.low < 0.3
    assert middling.high > 0.5


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of skewed values between 0 and 1, ratios whose parts belong to one question, and areas; 120 samples of each."""
    random, n = np.random.default_rng(7), 30
    held = {"mean": 0, "ratio": 0, "area": 0}
    for sample in range(120):
        mean = interval(mean_of(random.beta(0.8, 0.2, n)), seed=sample)
        held["mean"] += mean.low <= 0.8 <= mean.high
        below = random.integers(1, 5, n)
        part = interval(np.column_stack((random.binomial(below, 0.7), below)).astype(float), ratio, sample)
        held["ratio"] += part.low <= 0.7 <= part.high
        kinds = np.repeat([1.0, 0.0], n)
        columns = np.column_stack((kinds, random.normal(kinds, 1)))
        found = interval(columns, area, sample)
        held["area"] += found.low <= 0.7602 <= found.high  # the normal distribution function of 1 / sqrt(2)
    assert all(0.87 <= count / 120 <= 1 for count in held.values()), held
