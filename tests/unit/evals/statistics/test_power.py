"""What can be seen with so many questions: textbook figures, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.statistics.power import Design, detectable, needed, power


def test_textbook_sizes():
    # (1.96 + .84)^2 x variance / effect^2, with two or three more for an estimated variance.
    assert needed(0.5, Design(1.0)) == pytest.approx(32 + 2, abs=1)
    assert needed(0.05, Design.share(0.5)) == pytest.approx(785, rel=0.01)
    assert needed(0.05, Design.flips(0.2)) == pytest.approx(628, rel=0.01)
    assert detectable(785, Design.share()) == pytest.approx(0.05, rel=0.01)


def test_clusters_and_repeats():
    alone = Design.share(0.8)
    assert alone.clustered(10, 0.1).effect == pytest.approx(1.9)
    assert alone.clustered(10, 0.1, 0.5).effect == pytest.approx(1 + (1.25 * 10 - 1) * 0.1)
    assert needed(0.05, alone.clustered(10, 0.1)) == pytest.approx(1.9 * needed(0.05, alone), rel=0.03)
    assert alone.repeated(4, 1).error(100) == pytest.approx(alone.error(400))
    assert alone.repeated(1000, 0.5).error(100) == pytest.approx(alone.error(100) * math.sqrt(0.5), rel=0.001)
    assert Design.paired(0.3, 0.5).deviation == pytest.approx(0.3)


@settings(deadline=None)
@given(st.floats(0.01, 0.4), st.floats(0.05, 1))
def test_needed_is_the_least_that_detects(effect, deviation):
    design = Design(deviation)
    n = needed(effect, design)
    assert detectable(n, design) <= effect
    assert n <= 2 or detectable(n - 1, design) > effect


def test_what_no_number_shows():
    assert needed(0, Design(1)) is None
    assert needed(1e-9, Design(1)) is None
    assert power(100, 0.1, Design(0)) == 1


def test_power_is_how_often_it_is_seen():
    random = np.random.default_rng(1)
    design, n, effect = Design(0.4), 60, 0.15
    seen = 0
    for _ in range(2000):
        values = random.normal(effect, 0.4, n)
        seen += abs(values.mean()) > 2.0010 * values.std(ddof=1) / math.sqrt(n)  # Student's, 59 degrees
    assert power(n, effect, design) == pytest.approx(seen / 2000, abs=0.03)


def test_a_design_from_earlier_runs_counts_their_clusters():
    random = np.random.default_rng(2)
    shared = np.repeat(random.normal(0, 0.2, 50), 6)
    values = np.column_stack((shared + random.normal(0, 0.2, 300), np.ones(300)))
    plain, clustered = Design.of(values), Design.of(values, np.repeat(range(50), 6).tolist())
    assert 1.5 < clustered.deviation / plain.deviation < 2.4
    assert Design.between(values, values).deviation == pytest.approx(0, abs=1e-12)
