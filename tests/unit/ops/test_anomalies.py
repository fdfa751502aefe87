"""What is unusual is told; honest noise is not."""

import math

import numpy as np
import pytest

from aver.ops.anomalies import level_departs, rate_departs, share_departs, usual_level, usual_share
from tests.operations import call, open_bench, turn


def rules(bench):
    operations = bench.operations()
    operations.read()
    operations._periods.refresh()
    return {each.rule: each for each in operations._departures()}


def traffic(bench, minutes, seed=0, per_minute=4, times=1.0, **given):
    random = np.random.default_rng(seed)
    for _ in range(minutes):
        bench.write(
            *(
                turn(
                    tokens=int(random.lognormal(7, 0.6) * times),
                    nano=int(random.lognormal(14, 0.6) * times),
                    ms=float(random.lognormal(6.5, 0.5)),
                    abstained=bool(random.random() < 0.1),
                    **given,
                )
                for _ in range(int(random.poisson(per_minute)))
            )
        )
        bench.clock.advance(60)


def test_honest_noise_is_nothing(tmp_path):
    bench = open_bench(tmp_path)
    traffic(bench, 120)
    assert rules(bench) == {}


def test_three_times_the_tokens_are_seen_within_a_minute(tmp_path):
    bench = open_bench(tmp_path)
    traffic(bench, 60, per_minute=20)
    for second in range(0, 60, 2):
        bench.write(turn(tokens=int(np.random.default_rng(second).lognormal(7, 0.6) * 3), nano=0))
        bench.clock.advance(2)
    found = rules(bench)
    assert "anomaly:tokens" in found
    assert found["anomaly:tokens"].labels == (("feature", "assistant"),)
    assert found["anomaly:tokens"].figures["now"] > 2 * found["anomaly:tokens"].figures["usual"]


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ("anomaly:failures", {"failed": "provider-error"}),
        ("anomaly:refusals", {"abstained": True}),
        ("anomaly:unsupported", {"supported": 0}),
        ("anomaly:retrieval", {"passages": 0}),
        ("anomaly:guardrails", {"checked": {"outcome": "block", "place": "input"}}),
    ],
)
def test_each_signal_is_seen_by_itself(tmp_path, rule, given):
    bench = open_bench(tmp_path)
    bench.pass_time(50 * 60, every=20)
    bench.pass_time(120, every=10, **given)
    assert rule in rules(bench)


def test_tools_are_watched_one_by_one(tmp_path):
    bench = open_bench(tmp_path)
    bench.pass_time(50 * 60, every=20, tools=["done"])
    bench.pass_time(120, every=10, tools=["failed"])
    assert rules(bench)["anomaly:tool_failures"].labels == (("tool", "search"),)


def test_a_key_that_spends_as_never_before(tmp_path):
    bench = open_bench(tmp_path)
    for _ in range(180):
        bench.write(*(call(key="key_a", nano_usd=2_000_000) for _ in range(3)))
        bench.clock.advance(60)
    assert rules(bench) == {}
    for _ in range(4):
        bench.write(*(call(key="key_a", nano_usd=2_000_000) for _ in range(60)))
        bench.clock.advance(60)
    operations = bench.operations()
    operations.read()
    operations._periods.refresh()
    spending = [each.labels[0] for each in operations._departures() if each.rule == "anomaly:spending"]
    assert ("key", "key_a") in spending


def test_a_model_and_a_key_that_are_new(tmp_path):
    bench = open_bench(tmp_path)
    bench.write(call(key="key_a"))
    bench.clock.advance(60)
    assert rules(bench) == {}  # at first everything is
    bench.clock.advance(2 * 86_400)
    bench.write(call(key="key_b", model="large"))
    assert rules(bench).keys() == {"anomaly:new_model", "anomaly:new_key"}
    bench.clock.advance(2 * 3600)
    assert rules(bench) == {}


def test_nothing_is_watched_where_nothing_is_wanted(tmp_path):
    bench = open_bench(tmp_path, "anomalies: {leave_out: [failures, model_failures]}")
    bench.pass_time(50 * 60, every=20)
    bench.pass_time(120, every=10, failed="provider-error")
    assert "anomaly:failures" not in rules(bench)


def test_too_little_is_known_of_anything_at_first():
    assert usual_share([(0.0, 5.0)] * 30) is not None
    assert usual_share([(0.0, 5.0)] * 5) is None
    assert usual_level([(2.0, 1.0, 0.1)] * 20) is None


def test_what_varies_from_hour_to_hour_has_more_room():
    calm = usual_share([(5.0, 50.0)] * 50)
    wild = usual_share([(0.0, 50.0), (10.0, 50.0)] * 25)
    assert share_departs(calm, 25, 50, 2.0)
    assert not share_departs(wild, 25, 50, 2.0)
    assert not share_departs(calm, 3, 3, 2.0)
    assert not share_departs(calm, 8, 50, 2.0)


def test_a_level_needs_both_chance_and_effect_against_it():
    usual = usual_level([(20.0, 7.0, 0.6)] * 50)
    assert level_departs(usual, 30, 7.0 + math.log(3), 2.0)
    assert not level_departs(usual, 30, 7.0 + math.log(1.5), 2.0)
    assert not level_departs(usual, 2, 7.0 + math.log(3), 2.0)


def test_spending_is_judged_on_a_logarithmic_scale():
    before = [1e9 * math.exp(each) for each in np.random.default_rng(0).normal(0, 0.3, 60)]
    assert not rate_departs(2e9, 50, before, 2.0)
    assert rate_departs(2e10, 50, before, 2.0)
    assert not rate_departs(2e10, 5, before, 2.0)
    assert not rate_departs(2e10, 50, before[:5], 2.0)
