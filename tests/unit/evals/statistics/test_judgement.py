"""Pass, fail, inconclusive; and how many questions would tell."""

import numpy as np
import pytest

from aver.core.errors import InvalidInput
from aver.evals.statistics.judgement import at_least, at_most, noninferior


def columns(values):
    return np.column_stack((values, np.ones(len(values)))).astype(float)


def share(of, n):
    return columns(np.arange(n) < round(of * n))


def test_all_of_the_interval_decides():
    values = share(0.9, 200)
    assert at_least(values, 0.8).outcome == "pass"
    assert at_least(values, 0.97).outcome == "fail"
    unsure = at_least(values, 0.88)
    assert (unsure.outcome, unsure.interval.value) == ("inconclusive", 0.9)
    assert at_most(values, 0.97).outcome == "pass"
    assert at_most(values, 0.8).outcome == "fail"
    assert at_most(values, 0.88).outcome == "inconclusive"


def test_what_would_tell_is_about_what_tells():
    """At the number of questions that is said to be needed, it passes about 8 times of 10."""
    random = np.random.default_rng(1)
    unsure = at_least(share(0.9, 200), 0.86)
    assert unsure.outcome == "inconclusive"
    passed = sum(at_least(columns(random.random(unsure.needed) < 0.9), 0.86).outcome == "pass" for _ in range(100))
    assert 0.66 <= passed / 100 <= 0.94


def test_a_release_that_is_alike_needs_enough_questions_to_show_it():
    random = np.random.default_rng(2)

    def runs(n):
        before = random.random(n) < 0.8
        return columns(before), columns(np.where(random.random(n) < 0.1, random.random(n) < 0.8, before))

    unsure = noninferior(*runs(60), 0.03)
    assert unsure.outcome == "inconclusive"
    assert unsure.needed > 100
    assert noninferior(*runs(4 * unsure.needed), 0.03).outcome == "pass"


def test_worse_by_more_than_the_margin_fails_and_a_cost_the_other_way_about():
    random = np.random.default_rng(3)
    before = random.beta(4, 1, 300)
    assert noninferior(columns(before), columns(before - 0.1), 0.03).outcome == "fail"
    assert noninferior(columns(before), columns(before + 0.1), 0.03).outcome == "pass"
    costs = random.lognormal(0, 0.3, 300)
    dearer, cheaper = columns(costs * 1.5), columns(costs * 0.8)
    assert noninferior(columns(costs), dearer, 0.1, less_is_better=True).outcome == "fail"
    assert noninferior(columns(costs), cheaper, 0.1, less_is_better=True).outcome == "pass"


def test_too_few_questions_are_inconclusive():
    few = at_least(columns(np.linspace(0.8, 1, 7)), 0.5)
    assert (few.outcome, few.needed) == ("inconclusive", 20)


def test_clusters_make_a_figure_less_sure():
    values = columns(np.repeat(np.arange(30) < 27, 10))
    assert at_least(values, 0.85).outcome == "pass"
    clustered = at_least(values, 0.85, [n // 10 for n in range(300)])
    assert clustered.outcome == "inconclusive"
    assert clustered.needed > 300


def test_that_nothing_is_lost_cannot_be_shown():
    with pytest.raises(InvalidInput, match="margin of 0 cannot"):
        noninferior(share(0.5, 40), share(0.5, 40), 0)
