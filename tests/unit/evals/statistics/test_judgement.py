"""Pass, fail, inconclusive; and how many questions would tell."""

import numpy as np

from aver.evals.statistics.intervals import interval
from aver.evals.statistics.judgement import judged


def of(values, clusters=None):
    return interval(np.column_stack((values, np.ones(len(values)))).astype(float), clusters=clusters)


def share(part, n):
    return of(np.arange(n) < round(part * n))


def test_all_of_the_interval_decides():
    found = share(0.9, 200)
    assert [judged(found, bound).outcome for bound in (0.8, 0.88, 0.97)] == ["pass", "inconclusive", "fail"]
    less = [judged(found, bound, less_is_better=True).outcome for bound in (0.8, 0.88, 0.97)]
    assert less == ["fail", "inconclusive", "pass"]
    assert judged(found, found.low).outcome == "pass"


def test_what_would_tell_is_about_what_tells():
    """At the number of questions that is said to be needed, it passes about 8 times of 10."""
    random = np.random.default_rng(1)
    unsure = judged(share(0.9, 200), 0.86)
    assert unsure.outcome == "inconclusive"
    passed = sum(judged(of(random.random(unsure.needed) < 0.9), 0.86).outcome == "pass" for _ in range(100))
    assert 0.66 <= passed / 100 <= 0.94


def test_too_few_questions_are_inconclusive_and_so_is_a_figure_on_its_bound():
    few = judged(of(np.linspace(0.8, 1, 7)), 0.5)
    assert (few.outcome, few.needed) == ("inconclusive", 20)
    on = judged(share(0.9, 200), 0.9)
    assert (on.outcome, on.needed) == ("inconclusive", None)


def test_clusters_make_a_figure_less_sure():
    values = np.repeat(np.arange(30) < 27, 10)
    assert judged(of(values), 0.85).outcome == "pass"
    clustered = judged(of(values, [n // 10 for n in range(300)]), 0.85)
    assert clustered.outcome == "inconclusive"
    assert clustered.needed > 300
