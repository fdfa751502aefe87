"""Against published tables."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.statistics.distributions import beta_cdf, binomial_cdf, normal_cdf, student_cdf, student_quantile


@pytest.mark.parametrize(
    ("share", "freedom", "value"),
    [  # tables of Student's distribution, as in Abramowitz and Stegun, table 26.10
        (0.975, 1, 12.70620),
        (0.975, 2, 4.30265),
        (0.975, 4, 2.77645),
        (0.95, 10, 1.81246),
        (0.995, 30, 2.75000),
        (0.975, 1e9, 1.95996),
    ],
)
def test_students_distribution_as_tabled(share, freedom, value):
    assert student_quantile(share, freedom) == pytest.approx(value, abs=6e-6)
    assert student_quantile(1 - share, freedom) == pytest.approx(-value, abs=6e-6)


@settings(deadline=None)
@given(st.floats(0.5, 500), st.floats(0.001, 0.999))
def test_a_quantile_is_the_inverse(freedom, share):
    assert student_cdf(student_quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-10)


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_binomial_sums_as_counted(n, data):
    k, share = data.draw(st.integers(0, n)), data.draw(st.floats(0.01, 0.99))
    counted = sum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1))
    assert binomial_cdf(k, n, share) == pytest.approx(counted, abs=1e-10)


def test_ends():
    assert (binomial_cdf(-1, 5), binomial_cdf(5, 5), beta_cdf(0, 2, 3), beta_cdf(1, 2, 3)) == (0, 1, 0, 1)
    assert beta_cdf(0.5, 3, 3) == pytest.approx(0.5)
    assert normal_cdf(1.959964) == pytest.approx(0.975, abs=1e-6)
    assert student_quantile(0.5, 7) == 0
