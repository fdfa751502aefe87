"""Rates corrected for how the instrument errs."""

import numpy as np
import pytest

from aver.evals.statistics.correction import prediction_powered, rogan_gladen
from aver.evals.statistics.intervals import Interval, interval


def share(k, n):
    return Interval(k / n, None, None, n, "wilson")


def test_the_classical_estimate():
    """Of 400 seen 190 positive, by an instrument with .9 and .7: (.475 + .7 - 1) / .6."""
    found = rogan_gladen(share(190, 400), share(90, 100), share(70, 100))
    assert found.value == pytest.approx(0.175 / 0.6)
    assert found.low < 0.2 < found.value < 0.36 < found.high


def test_known_for_sure_it_is_the_rates_own_interval_stretched():
    found = rogan_gladen(share(200, 400), share(9 * 10**8, 10**9), share(9 * 10**8, 10**9))
    alone = interval(np.column_stack((np.arange(400) < 200, np.ones(400))).astype(float))
    assert found.high - found.low == pytest.approx((alone.high - alone.low) / 0.8, rel=0.01)


def test_no_better_than_chance_corrects_nothing():
    assert rogan_gladen(share(5, 10), share(50, 100), share(50, 100)) is None


def test_clusters_make_it_less_sure():
    sure = rogan_gladen(share(190, 400), share(90, 100), share(70, 100))
    unsure = rogan_gladen(share(190, 400), Interval(0.9, None, None, 100, "wilson", 10, 20.0), share(70, 100))
    assert unsure.value == sure.value
    assert unsure.high - unsure.low > sure.high - sure.low


def test_a_good_instrument_narrows_and_a_useless_one_does_not():
    random = np.random.default_rng(1)
    truth = (random.random(1100) < 0.7).astype(float)
    good = np.where(random.random(1100) < 0.95, truth, 1 - truth)
    useless = (random.random(1100) < 0.5).astype(float)
    labels = interval(np.column_stack((truth[:100], np.ones(100))))
    narrowed = prediction_powered(truth[:100], good[:100], good[100:])
    same = prediction_powered(truth[:100], useless[:100], useless[100:])
    width = labels.high - labels.low
    assert narrowed.high - narrowed.low < 0.7 * width
    assert same.high - same.low == pytest.approx(width, rel=0.15)
    assert narrowed.low < 0.7 < narrowed.high


def test_an_instrument_that_is_off_does_not_move_it():
    truth = np.tile([1.0, 1.0, 0.0], 100)
    found = prediction_powered(truth, np.minimum(truth + np.tile([0.0, 0.0, 0.0, 1.0], 75), 1), np.ones(50))
    assert 0.55 < found.low < 2 / 3 < found.high < 0.8


def test_few_labels_have_no_interval():
    assert prediction_powered(np.ones(5), np.ones(5), np.ones(50)).low is None
