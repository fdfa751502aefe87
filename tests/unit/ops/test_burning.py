"""Budgets, burn rates and their windows."""

from datetime import timedelta

import pytest

from aver.ops.burning import departures, events, standing
from aver.ops.types import WINDOWS, Objective
from tests.operations import open_bench, turn

UP = Objective("up", "availability", 0.99)


def steady(bad_short, bad_long, per_minute=10.0):
    """Sums over a window in which these parts of turns failed."""

    def summed(feature, seconds):
        share = bad_short if seconds <= 1800 else bad_long
        count = per_minute * seconds / 60
        return {"ended": count, "failed": count * share}

    return summed


def holding(found):
    return [burn.window.burn for burn in found.burns if burn.holds]


def test_the_windows_are_those_of_the_workbook():
    pairs = [(each.burn, each.long / 3600, each.short / 60, each.severity) for each in WINDOWS]
    assert pairs == [(14.4, 1, 5, "page"), (6, 6, 30, "page"), (3, 24, 120, "ticket"), (1, 72, 360, "ticket")]


def test_both_windows_have_to_burn():
    assert holding(standing(UP, steady(0.5, 0.5))) == [14.4, 6.0, 3.0, 1.0]
    assert 14.4 not in holding(standing(UP, steady(0.0, 0.5)))  # over by now
    assert holding(standing(UP, steady(0.5, 0.0))) == []  # began just now, and may be nothing


def test_a_budget_that_burns_at_just_its_rate_is_not_alerted_on_by_chance():
    assert holding(standing(UP, steady(0.0102, 0.0102, per_minute=1))) == []
    assert holding(standing(UP, steady(0.02, 0.02, per_minute=10))) == [1.0]


def test_few_events_alert_nobody():
    quiet = {"ended": 5, "failed": 5}
    assert holding(standing(UP, lambda feature, seconds: quiet)) == []
    night = {"ended": 30, "failed": 2}
    assert holding(standing(UP, lambda feature, seconds: night)) == []


def test_the_budget_that_is_left():
    found = standing(UP, lambda feature, seconds: {"ended": 1000, "failed": 4})
    assert found.value == pytest.approx(0.996)
    assert found.left == pytest.approx(0.6)
    empty = standing(UP, lambda feature, seconds: {})
    assert (empty.value, empty.left) == (None, None)
    assert "no data yet" in empty.reason


def test_each_indicator_is_read_of_its_sums():
    sums = {"ended": 10, "failed": 1, "unsuccessful": 2, "claims": 20, "unsupported": 4, "turns": 11, "unsafe": 1}
    sums |= {"latency_ms~160": 3, "latency_ms~200": 1, "lag~100": 2, "cost_nano~480": 5}
    of = {
        "availability": (1, 10),
        "task_success": (2, 10),
        "groundedness": (4, 20),
        "safety": (1, 11),
    }
    for indicator, wanted in of.items():
        assert events(Objective("x", indicator, 0.9), sums) == wanted
    assert events(Objective("x", "latency", 0.9, within=2.0), sums) == (1, 4)
    assert events(Objective("x", "freshness", 0.9, within=3600), sums) == (0, 2)
    assert events(Objective("x", "cost", 0.9, usd=0.5), sums) == (5, 5)


def test_an_alert_says_when_the_first_bad_event_of_its_run_was(tmp_path):
    bench = open_bench(tmp_path, "slos: {up: {indicator: availability, target: 0.99}}")
    operations = bench.operations()
    bench.pass_time(3600, every=30)
    began = bench.clock.now()
    bench.pass_time(900, every=30, failed="provider-error")
    operations.read()
    found = departures(operations.standings()[0], operations._periods.run, bench.clock.now())
    assert [each.severity for each in found] == ["page"]
    assert abs(found[0].began - began) <= timedelta(minutes=1)
    assert "burns" in found[0].said


def test_objectives_of_a_feature_are_of_it_alone(tmp_path):
    bench = open_bench(
        tmp_path,
        "slos: {a: {indicator: availability, target: 0.9, feature: a}, all: {indicator: availability, target: 0.9}}",
    )
    bench.write(*(turn(feature="a") for _ in range(10)), *(turn(feature="b", failed="x") for _ in range(10)))
    operations = bench.operations()
    operations.read()
    assert [each.value for each in operations.standings()] == [1.0, 0.5]
