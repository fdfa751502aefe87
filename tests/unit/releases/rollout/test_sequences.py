"""Bounds that hold at all looks, by simulation; clusters, stages and covariates counted as what they are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aver.evals.statistics.boundary import reach
from aver.releases.rollout.observed import Observed, Reading
from aver.releases.rollout.sequences import adjusted, compare, imbalance, level

ERROR = 0.05


def _looks(random, per_look, looks, draw):
    """Turns of both arms as they come in, with the figures after each look."""
    observed = Observed(("control", "candidate"), ("groundedness",), 2)
    for look in range(looks):
        observed.add(draw(random, look, per_look))
        yield observed.sums[:2, :, :, 0]


def _turn(arm, group, value, stage=0, covariate=0.0):
    return Reading("turn", arm, stage, group, True, {"groundedness": value}, covariate=covariate)


def _null(random, look, count):
    """The traffic gets better by and by, and the candidate gets more of it: pooled over both, it would look better than it is."""
    stage, share, mean = (0, 0.1, 0.5) if look < 20 else (1, 0.5, 0.8)
    arms = np.where(random.random(count) < share, "candidate", "control")
    return [_turn(str(arm), int(random.integers(128)), float(random.random() < mean), stage) for arm in arms]


def _clustered(random, look, count):
    """Five turns of each user, all right or all wrong."""
    found = []
    for _ in range(count // 5):
        arm, group, value = (
            ("control", "candidate")[random.integers(2)],
            int(random.integers(128)),
            random.random() < 0.7,
        )
        found += [_turn(arm, group, float(value)) for _ in range(5)]
    return found


@pytest.mark.parametrize("draw", [_null, _clustered])
def test_no_difference_is_rarely_taken_for_one_however_often_it_is_looked_at(draw):
    runs, wrong = 100, 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        for sums in _looks(random, 50, 40, draw):
            found = compare(sums, 1, ERROR, ERROR)
            if found and found.information >= 10 and found.low > 0:
                wrong += 1
                break
    # One end holds in 95 of 100; more than four standard errors above is no chance.
    assert wrong / runs <= ERROR + 4 * math.sqrt(ERROR * (1 - ERROR) / runs)


def test_a_real_difference_is_found_and_its_interval_holds_it():
    random = np.random.default_rng(1)
    observed = Observed(("control", "candidate"), ("groundedness",), 1)
    for arm, mean in (("control", 0.9), ("candidate", 0.8)):
        observed.add(_turn(arm, int(random.integers(128)), float(random.random() < mean)) for _ in range(1500))
    found = compare(observed.sums[:1, :, :, 0], 1, ERROR, ERROR)
    assert found.low < -0.1 < found.high < 0
    assert found.n == (1500, 1500)
    assert found.information == 750
    assert found.deviation == pytest.approx(math.sqrt((0.09 + 0.16) / 2) * math.sqrt(2) / math.sqrt(2), rel=0.25)


def test_turns_that_hang_together_say_less():
    random = np.random.default_rng(2)
    apart, together = (Observed(("control", "candidate"), ("groundedness",), 1) for _ in range(2))
    for _ in range(400):
        arm, group, value = (
            ("control", "candidate")[random.integers(2)],
            int(random.integers(128)),
            random.random() < 0.7,
        )
        together.add([_turn(arm, group, float(value))] * 5)
        apart.add(_turn(arm, int(random.integers(128)), float(random.random() < 0.7)) for _ in range(5))
    wide, narrow = (compare(each.sums[:1, :, :, 0], 1, ERROR, ERROR) for each in (together, apart))
    assert 1.7 < wide.deviation / narrow.deviation < 2.8  # the square root of 5, nearly


def test_a_covariate_takes_away_what_it_explains_and_no_effect():
    random = np.random.default_rng(3)
    observed = Observed(("control", "candidate"), ("groundedness",), 1)
    readings = []
    for number in range(4000):
        before = random.random()
        arm = ("control", "candidate")[number % 2]
        value = 0.2 + 0.6 * before + 0.1 * (number % 2) + 0.05 * random.standard_normal()
        readings.append(_turn(arm, int(random.integers(128)), min(max(value, 0), 1), covariate=before))
    observed.add(readings)
    with_it = compare(observed.sums[:1, :, :, 0], 1, ERROR, ERROR)
    bare = observed.sums[:1, :, :, 0].copy()
    bare[..., [3, 5, 6]] = 0
    without = compare(bare, 1, ERROR, ERROR)
    assert with_it.value == pytest.approx(0.1, abs=0.01)
    assert with_it.explained > 0.85
    assert with_it.deviation < without.deviation / 2
    assert adjusted(bare)[1] == 0.0


def test_weights_count_parts_rather_than_turns():
    observed = Observed(("control", "candidate"), ("groundedness",), 1)
    for number, (arm, value, parts) in enumerate([("candidate", 1.0, 9.0), ("candidate", 0.0, 1.0)] * 5):
        observed.add([Reading("t", arm, 0, number, True, {"groundedness": value}, {"groundedness": parts})])
    assert level(observed.sums[:, 1, :, 0], ERROR, ERROR).value == pytest.approx(0.9)


def test_too_little_is_no_estimate():
    observed = Observed(("control", "candidate"), ("groundedness",), 1)
    observed.add([_turn("control", 1, 1.0), _turn("candidate", 1, 1.0), _turn("candidate", 2, 1.0)])
    assert compare(observed.sums[:1, :, :, 0], 1, ERROR, ERROR) is None
    assert level(observed.sums[:, 0, :, 0], ERROR, ERROR) is None
    few = level(observed.sums[:, 1, :, 0], ERROR, ERROR)
    assert few.low < 0
    assert few.high > 2  # two turns that are alike do not say that all are


def test_a_bound_is_narrowest_where_it_was_planned_and_never_as_narrow_as_for_one_look():
    assert reach(400, 0.01) < min(reach(4, 0.01), reach(400_000, 0.01))
    assert reach(400, 0.01) > 2.326
    assert reach(400, 0.001) > reach(400, 0.01) > reach(400, 0.2) > 0
    assert math.isfinite(reach(1, 0.9))


def test_a_mismatch_of_the_arms_is_found_and_chance_is_not():
    random, shares = np.random.default_rng(4), np.array([0.2, 0.5])
    false = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        turns = np.zeros((2, 2, 128))
        for _ in range(20):
            for stage, share in enumerate(shares):
                arms = (random.random(20) < share).astype(int)
                np.add.at(turns, (stage, arms, random.integers(0, 128, 20)), 1)
            false += imbalance(turns, 1, shares, 0.01)[1]
    assert false <= 4
    turns = np.zeros((2, 2, 128))
    np.add.at(
        turns,
        (
            0,
            (np.random.default_rng(5).random(2000) < 0.28).astype(int),
            np.random.default_rng(6).integers(0, 128, 2000),
        ),
        1,
    )
    statistic, beyond = imbalance(turns, 1, shares, 0.001)
    assert beyond
    assert statistic > 30


def test_one_user_who_asks_a_thousand_times_is_no_mismatch():
    turns = np.zeros((1, 2, 128))
    random = np.random.default_rng(7)
    np.add.at(turns, (0, (random.random(500) < 0.5).astype(int), random.integers(0, 128, 500)), 1)
    turns[0, 1, 5] += 1000
    assert not imbalance(turns, 1, np.array([0.5]), 0.001)[1]
