"""Offline against online: what predicts, what has stopped to, what cannot be told, and what got past a gate."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from aver.evidence import Step
from aver.releases.online.correlation import Pair, correlate, interval, pearson, ranks, spearman, student
from aver.releases.online.escapes import Gated, escape_of
from aver.releases.online.history import History, calibration


def _pairs(count, slope=1.0, noise=0.02, seed=0, start=0):
    random = np.random.default_rng(seed)
    offline = random.uniform(0.6, 0.95, count)
    online = slope * offline + noise * random.standard_normal(count)
    return [
        Pair(f"release{start + number:02}", float(x), float(y))
        for number, (x, y) in enumerate(zip(offline, online, strict=True))
    ]


def test_ranks_and_correlations_are_those_of_the_textbooks():
    assert ranks([10, 20, 20, 5]).tolist() == [2, 3.5, 3.5, 1]
    # Ten pupils' intelligence and hours of television (Wikipedia, "Spearman's rank correlation coefficient"): -29/165.
    iq, hours = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165)
    assert pearson([1, 2, 3], [2, 4, 6]) == 1.0
    assert pearson([1, 1, 1], [1, 2, 3]) is None
    assert interval(0.5, 28) == pytest.approx((0.156, 0.737), abs=0.002)
    assert student(0.975, 10) == pytest.approx(2.228, abs=0.001)
    assert student(0.995, 4) == pytest.approx(4.604, rel=0.02)


def test_intervals_hold_the_truth():
    random, held = np.random.default_rng(1), 0
    for _ in range(400):
        both = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 12)
        low, high = interval(pearson(both[:, 0], both[:, 1]), 12)
        held += low <= 0.6 <= high
    assert held / 400 > 0.92


def test_few_releases_are_said_to_be_few():
    found = correlate("groundedness", "groundedness", _pairs(4))
    assert (found.standing, found.spearman_interval) == ("too few", None)
    assert "4 releases are too few to tell" in found.said


def test_a_measure_that_predicts_says_so_and_one_that_does_not():
    good = correlate("right", "feedback", _pairs(12))
    assert good.standing == "predicts"
    assert good.agreed / good.moves > 0.8
    less = correlate("right", "failed", _pairs(12, slope=-1), same_way=False)
    assert less.standing == "predicts"
    against = correlate("right", "feedback", _pairs(20, slope=-1))
    assert against.standing == "does not predict"
    assert correlate("right", "feedback", _pairs(8, slope=0, noise=1)).standing in {"unclear", "does not predict"}


def test_a_measure_that_stops_predicting_is_flagged():
    turned = [*_pairs(10), *_pairs(10, slope=-1, seed=2, start=10)]
    found = correlate("right", "feedback", turned)
    assert found.standing == "stopped predicting"
    assert "has stopped predicting" in found.said
    surprised = [*_pairs(10), Pair("surprise", 0.9, 0.3)]
    found = correlate("right", "feedback", surprised)
    assert (found.standing, found.outlier) == ("stopped predicting", "surprise")
    false = sum(correlate("r", "f", _pairs(11, seed=seed)).standing == "stopped predicting" for seed in range(200))
    assert false <= 8


def _finding(metric, change, outcome="fail", treated=0.8):
    return {"metric": metric, "change": change, "outcome": outcome, "turns": ["turn_1"], "treated": treated}


@pytest.mark.parametrize(
    ("metric", "gated", "slices", "gap"),
    [
        ("groundedness", None, {}, "no gate"),
        ("groundedness", Gated(frozenset({"right"}), {"": 100}, {}), {}, "not gated"),
        ("failed", Gated(frozenset({"right"}), {"": 100}, {}), {}, "not measured offline"),
        ("groundedness", Gated(frozenset({"groundedness"}), {"": 100, "de": 0}, {}), {"de": 4}, "no such slice"),
        ("groundedness", Gated(frozenset({"groundedness"}), {"": 100, "de": 5}, {}), {"de": 4}, "too few cases"),
        ("groundedness", Gated(frozenset({"groundedness"}), {"": 30}, {"groundedness": 0.1}), {}, "too few cases"),
        ("groundedness", Gated(frozenset({"groundedness"}), {"": 900}, {"groundedness": 0.01}), {}, "not the same"),
    ],
)
def test_an_escape_says_what_was_missing(metric, gated, slices, gap):
    findings = [_finding(metric, -0.05), _finding("cost_usd", 0.1, "pass")]
    (escape,) = escape_of("b" * 64, "rollout_1", findings, gated, slices)
    assert (escape.metric, escape.gap, escape.change) == (metric, gap, -0.05)
    assert escape.todo


def _step(seq, kind, facts, body):
    return Step(seq, f"t{seq}", kind, datetime(2026, 1, 1, tzinfo=UTC), facts, body, body is None, "")


def test_the_evidence_is_put_side_by_side():
    history, steps = History(), []
    for number, pair in enumerate(_pairs(8)):
        overall = {"right": {"value": pair.offline}}
        steps.append(
            _step(3 * number, "evaluated", {"release": pair.release}, {"overall": overall, "slices": {"de": overall}})
        )
        facts = {"rollout": f"r{number}", "event": "promoted", "variants": [pair.release]}
        steps.append(
            _step(
                3 * number + 1, "staged", facts, {"found": {"findings": [_finding("feedback", 0, "pass", pair.online)]}}
            )
        )
    bad = {"rollout": "r7", "event": "rolled_back", "variants": ["release07"]}
    steps.append(_step(99, "staged", bad, {"found": {"findings": [_finding("feedback", -0.1, treated=0.5)]}}))
    steps.append(_step(100, "evaluated", {"release": "erased"}, None))
    history.take(steps, {"release07": Gated(frozenset({"recall"}), {"": 50}, {})})
    found = calibration(history)
    assert {(each.offline, each.online, each.slice, each.n) for each in found} == {
        ("right", "feedback", "", 8),
        ("right", "feedback", "de", 8),
    }
    assert [(each.release, each.gap) for each in history.escapes] == [("release07", "not gated")]
