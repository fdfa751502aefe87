"""Estimates beside simulations whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.gateway.routing.offpolicy import Logged, doubly_robust, estimate, ips, snips

CHANCE = st.just(0.0) | st.floats(1e-3, 1)
METHODS = ("ips", "snips", "doubly_robust")
REWARD = np.array([[0.9, 0.4], [0.2, 0.7]])
"""How likely each of two actions is to be rewarded in each of two contexts."""
LOGGING = np.array([[0.7, 0.3], [0.5, 0.5]])
OTHER = np.array([[0.9, 0.1], [0.0, 1.0]])
PREDICTED = np.array([[0.8, 0.5], [0.3, 0.5]])
TRUTH = float((REWARD * OTHER).sum(axis=1).mean())


def simulated(random, count=400, predicted=PREDICTED):
    found = []
    for context in random.integers(0, 2, count):
        action = int(random.random() > LOGGING[context, 0])
        found.append(
            Logged(
                propensity=LOGGING[context, action],
                target=OTHER[context, action],
                reward=float(random.random() < REWARD[context, action]),
                predicted=predicted[context, action],
                expected=float(predicted[context] @ OTHER[context]),
            )
        )
    return found


@pytest.fixture(scope="module")
def rounds():
    random = np.random.default_rng(5)
    return [simulated(random) for _ in range(400)]


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_covers_the_truth_at_about_its_rate(rounds, method):
    found = [estimate(logged, method, confidence=0.9) for logged in rounds]
    covered = np.mean([each.low <= TRUTH <= each.high for each in found])
    assert 0.855 <= covered <= 0.94  # three standard errors of a rate of .9 over 400 rounds
    assert not any(each.inconclusive for each in found)


@pytest.mark.parametrize("method", METHODS)
def test_estimates_are_right_on_average(rounds, method):
    values = np.array([estimate(logged, method).value for logged in rounds])
    assert abs(values.mean() - TRUTH) < 3.5 * values.std() / len(values) ** 0.5


def test_normalising_and_predicting_make_estimates_steadier(rounds):
    spread = {method: np.std([estimate(logged, method).value for logged in rounds]) for method in METHODS}
    assert spread["doubly_robust"] < spread["ips"]
    assert spread["snips"] < spread["ips"]


def test_a_wrong_prediction_does_not_bias_the_doubly_robust_estimate():
    random = np.random.default_rng(6)
    wrong = np.array([[0.0, 1.0], [1.0, 0.0]])
    values = np.array([doubly_robust(simulated(random, 400, wrong)).value for _ in range(300)])
    assert abs(values.mean() - TRUTH) < 3.5 * values.std() / 300**0.5


def test_the_average_of_what_was_logged_is_no_estimate_of_another_policy(rounds):
    """The tests above could not be passed by ignoring the propensities."""
    plain = np.mean([each.reward for logged in rounds for each in logged])
    assert abs(plain - TRUTH) > 0.1


def test_the_same_policy_is_estimated_by_its_own_mean():
    random = np.random.default_rng(7)
    logged = [Logged(0.5, 0.5, float(reward)) for reward in random.integers(0, 2, 200)]
    for method in METHODS:
        assert estimate(logged, method).value == pytest.approx(np.mean([each.reward for each in logged]))
    assert ips(logged).effective == pytest.approx(200)


def test_what_was_never_tried_cannot_be_estimated():
    logged = [Logged(1.0, 0.0, 1.0, covered=0.0)] * 500
    for method in METHODS:
        found = estimate(logged, method)
        assert found.inconclusive == "100.0% of what the other policy would do was never tried"
    partly = [Logged(1.0, 1.0, 1.0)] * 960 + [Logged(1.0, 0.0, 1.0, covered=0.0)] * 40
    assert "4.0%" in snips(partly).inconclusive


def test_one_heavy_call_is_not_evidence_enough():
    logged = [Logged(1.0, 0.001, 1.0)] * 500 + [Logged(0.001, 1.0, 0.0)]
    found = ips(logged)
    assert found.effective < 2
    assert found.inconclusive.startswith("501 calls say no more than 1 would")


def test_no_calls_are_inconclusive():
    assert snips([]).inconclusive


@pytest.mark.parametrize("wrong", [Logged(0.0, 0.5, 1.0), Logged(1.2, 0.5, 1.0), Logged(0.5, -0.1, 1.0)])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(InvalidInput):
        ips([wrong])


@given(
    st.lists(st.tuples(st.floats(0.05, 1), CHANCE, st.floats(0, 1)), min_size=1, max_size=40),
    st.sampled_from(METHODS),
)
def test_an_interval_holds_its_value_and_a_normalised_one_is_within_the_rewards(calls, method):
    found = estimate([Logged(*each) for each in calls], method)
    assert found.low <= found.value <= found.high
    assert -1e-9 <= found.effective <= len(calls) + 1e-6
    if method == "snips" and any(target for _, target, _ in calls):
        rewards = [reward for _, target, reward in calls if target]
        assert min(rewards) - 1e-9 <= found.value <= max(rewards) + 1e-9
