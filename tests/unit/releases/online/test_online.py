"""Offline against online: what predicts, what has stopped to, what cannot be told, and what got past a gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aver.evidence import Step
from aver.releases.online.correlation import Pair, correlate, interval, pearson, ranks, spearman, student
from aver.releases.online.escapes import Asked, Gated, escape_of
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


def _step(seq, kind, facts, body):
    return Step(
        seq, f"t{seq}", kind, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seq), facts, body, body is None, ""
    )


def _finding(metric, change, outcome="fail", treated=0.8, control=0.85):
    turns = ["turn_1"]
    return {
        "metric": metric,
        "change": change,
        "outcome": outcome,
        "turns": turns,
        "treated": treated,
        "control": control,
    }


def _judged(measure="groundedness", n=900, half=0.01, condition="groundedness>=baseline-0.03", **given):
    found = {"value": 0.0, "low": -half, "high": half, "n": n, "method": "bootstrap"}
    known = {
        "condition": condition,
        "measure": measure,
        "upward": True,
        "before": 0.9,
        "after": 0.9,
        "said": "no change",
    }
    return {**known, "found": found, **given}


def _gate(*judged, outcome="pass", seq=1, release="b" * 64):
    return _step(seq, "gated", {"outcome": outcome, "release": release}, {"judged": list(judged)})


@pytest.mark.parametrize(
    ("metric", "gate", "gap"),
    [
        ("groundedness", None, "no gate"),
        ("groundedness", _gate(_judged(), outcome="inconclusive"), "not passed"),
        ("groundedness", _gate(), "not on record"),
        ("groundedness", _gate(_judged("right")), "not gated"),
        ("failed", _gate(_judged()), "not measured offline"),
        ("groundedness", _gate(_judged(n=12)), "too few cases"),
        ("groundedness", _gate(_judged(n=30, half=0.1)), "too few cases"),
        ("groundedness", _gate(_judged(condition="groundedness>=0.7", before=None)), "not compared"),
        ("groundedness", _gate(_judged(found=None)), "not compared"),
        ("groundedness", _gate(_judged()), "not the same"),
    ],
)
def test_an_escape_says_what_was_missing(metric, gate, gap):
    found = {"findings": [_finding(metric, -0.05), _finding("cost_usd", 0.1, "pass")]}
    (escape,) = escape_of("b" * 64, "rollout_1", found, gate and Gated.of(gate))
    assert (escape.metric, escape.gap, escape.change) == (metric, gap, -0.05)
    assert escape.gate == ("t1" if gate else "")
    assert escape.stopped == ("groundedness" if gap == "not the same" else "")
    assert ("promote --incident rollout_1" in escape.todo) == (gap not in ("no gate", "not passed"))


def test_what_is_unbounded_is_held_against_as_a_part_of_the_whole():
    found = {"value": 0.001, "low": -0.001, "high": 0.003, "n": 200, "method": "student"}
    judged = _judged("cost_usd", condition="cost_usd<=baseline+0.002", upward=False, before=0.01, found=found)
    assert Asked.of(judged).least == pytest.approx(0.2)
    factor = {"value": 1.05, "low": 1.0, "high": 1.15, "n": 200, "method": "student"}
    assert Asked.of(_judged("cost_usd", condition="cost_usd<=1.2x", upward=False, found=factor)).least == pytest.approx(
        0.1
    )
    own = {"value": 0.01, "low": None, "high": None, "n": 3, "method": "too few"}
    assert Asked.of(_judged("cost_usd", condition="cost_usd<=0.1", upward=False, before=None, found=own)).least is None


def test_a_bound_of_its_own_that_breaks_is_no_change_and_a_rise_of_tokens_is_an_escape():
    found = {
        "findings": [_finding("groundedness", 0.6, control=None)],
        "spikes": {"candidate": {"times": 3.1, "turns": ["turn_7"]}},
    }
    own, spike = escape_of("b" * 64, "rollout_1", found, Gated.of(_gate(_judged())))
    assert (own.metric, own.change, own.gap) == ("groundedness", None, "not the same")
    assert (spike.metric, spike.change, spike.gap, spike.turns) == (
        "total_tokens",
        pytest.approx(2.1),
        "not gated",
        ("turn_7",),
    )


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
    # The gate's last word before the end counts, not what was asked of it once the harm was done.
    gates = [_judged("helpful"), _judged("recall"), _judged("helpful")]
    history.take(_gate(judged, seq=seq, release="release07") for judged, seq in zip(gates, (97, 98, 101), strict=True))
    history.take(steps)
    found = calibration(history)
    assert {(each.offline, each.online, each.slice, each.n) for each in found} == {
        ("right", "feedback", "", 8),
        ("right", "feedback", "de", 8),
    }
    assert [(each.release, each.gap) for each in history.escapes] == [("release07", "not gated")]
    assert history.escapes[0].gate == "t98"
