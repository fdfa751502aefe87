"""Errors of figures whose questions depend on each other: against textbook formulas, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.statistics.clusters import influence, numbered, placements, spread
from aver.evals.statistics.intervals import LEAST_CLUSTERS, area, interval


def columns(values):
    return np.column_stack((values, np.ones(len(values)))).astype(float)


def test_by_themselves_the_error_is_that_of_a_mean():
    values = np.random.default_rng(1).normal(0, 1, 50)
    found = spread(*influence(columns(values)))
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert (found.clusters, found.effective, found.correlation) == (50, 50, 0)


def test_clusters_of_one_size_have_the_error_of_their_means():
    """And a degree of freedom less than there are: the textbook's."""
    random = np.random.default_rng(2)
    values = (random.normal(0, 1, 30)[:, None] + random.normal(0, 1, (30, 8))).ravel()
    found = spread(*influence(columns(values)), np.repeat(np.arange(30), 8))
    means = values.reshape(30, 8).mean(axis=1)
    assert found.error == pytest.approx(means.std(ddof=1) / np.sqrt(30))
    assert found.freedom <= 29 + 1e-9
    assert 30 < found.effective < 80
    assert 0.2 < found.correlation < 0.8


def test_the_same_question_asked_again_tells_nothing_new():
    values = np.random.default_rng(3).random(40)
    once, thrice = interval(columns(values)), interval(columns(np.repeat(values, 3)), clusters=np.repeat(range(40), 3))
    assert (thrice.n, thrice.clusters) == (120, 40)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-9)
    assert thrice.effective == pytest.approx(40, abs=1.5)


def test_repeats_shrink_what_varies_within_a_case_and_no_more():
    random = np.random.default_rng(4)
    chances = random.random(60)
    widths = {}
    for times in (1, 10):
        values = (random.random((60, times)) < chances[:, None]).astype(float)
        found = interval(columns(values.ravel()), clusters=np.repeat(range(60), times).tolist())
        widths[times] = found.high - found.low
    # Of a variance of 1/4, a third is between cases: ten times as many answers make it no narrower than that.
    assert 0.5 < widths[10] / widths[1] < 0.75


def test_few_clusters_have_no_interval_and_say_how_many_they_are():
    values = columns(np.random.default_rng(5).random(90))
    few = interval(values, clusters=[n % (LEAST_CLUSTERS - 1) for n in range(90)])
    assert (few.method, few.low, few.clusters) == ("too few", None, LEAST_CLUSTERS - 1)
    assert interval(values, clusters=[n % LEAST_CLUSTERS for n in range(90)]).low is not None


def test_a_name_of_any_kind_is_a_cluster():
    assert numbered(["a", ("b", 1), "a", 3]).tolist() == [0, 1, 0, 2]


def test_all_alike_in_every_cluster_is_no_certainty():
    found = interval(columns(np.ones(200)), clusters=[n // 10 for n in range(200)])
    assert found.high == 1
    assert 0.75 < found.low < 0.86, "as of twenty questions, not of two hundred"


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_an_intervals_ends_stay_with_the_values(seed):
    random = np.random.default_rng(seed)
    below = random.integers(1, 6, 60)
    above = random.binomial(below, random.random())
    found = interval(np.column_stack((above, below)).astype(float), clusters=random.integers(0, 20, 60).tolist())
    if found.low is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_placements_move_an_area_as_leaving_a_question_out_does():
    """The influence of a question is, nearly, what the area loses without it (the jackknife)."""
    random = np.random.default_rng(6)
    kinds = np.repeat([1.0, 0.0], 40)
    both = np.column_stack((kinds, np.round(random.normal(kinds, 1), 1)))
    value = float(area(np.ones((1, 80)), both)[0])
    parts, shares = placements(both, value)
    assert parts.sum() == pytest.approx(0, abs=1e-12)
    assert shares.sum() == pytest.approx(1)
    without = [float(area(np.ones((1, 79)), np.delete(both, at, axis=0))[0]) for at in range(80)]
    assert np.array(without) - value == pytest.approx(-parts * 40 / 39, abs=1e-9)


def test_many_questions_of_an_area_agree_with_its_bootstrap():
    random = np.random.default_rng(7)
    kinds = np.repeat([1.0, 0.0], 245)
    few = np.column_stack((kinds, random.normal(kinds, 1)))
    many = np.vstack((few, few[:6], few[-6:]))
    drawn, worked = interval(few, area), interval(many, area)
    assert (drawn.method, worked.method) == ("bootstrap", "student")
    assert (worked.low, worked.high) == pytest.approx((drawn.low, drawn.high), abs=0.012)
