"""Boundaries of planned looks, as published; and looks that come as they come."""

import numpy as np
import pytest

from aver.core.errors import InvalidInput
from aver.evals.statistics.distributions import normal_quantile
from aver.evals.statistics.spending import Looks


@pytest.mark.parametrize(
    ("spending", "bars"),
    [  # five equal looks, two-sided 5 %: Lan and DeMets' spending as in the program ld98 of Reboussin, DeMets, Kim and Lan (2000)
        ("obrien_fleming", (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)),
        ("pocock", (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)),
    ],
)
def test_boundaries_as_published(spending, bars):
    looks = Looks(100, spending=spending)
    found = [normal_quantile(0.5 + looks.at(n) / 2) for n in (20, 40, 60, 80, 100)]
    assert found == pytest.approx(bars, abs=3e-4)


def test_uneven_looks_keep_the_error():
    looks = Looks(200)
    bars = [(n, normal_quantile(0.5 + looks.at(n) / 2)) for n in (30, 90, 100, 200)]
    sums = np.cumsum(np.random.default_rng(1).normal(0, 1, (20000, 200)), axis=1)
    stopped = np.zeros(20000, bool)
    for n, bar in bars:
        stopped |= np.abs(sums[:, n - 1]) > bar * np.sqrt(n)
    assert stopped.mean() == pytest.approx(0.05, abs=0.006)


def test_one_look_at_the_end_is_an_ordinary_test():
    assert Looks(50).at(50) == pytest.approx(0.95, abs=1e-9)


def test_looking_twice_at_the_same_is_refused():
    looks = Looks(50)
    looks.at(10)
    with pytest.raises(InvalidInput, match="no more than at the last look"):
        looks.at(10)
