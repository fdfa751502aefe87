"""Conditions: judged by the interval, and inconclusive is no pass."""

import pytest

from aver.core.errors import InvalidInput
from aver.evals.gate import judged, parse_condition
from aver.evals.statistics.intervals import Interval

OVERALL = {"ndcg@10": Interval(0.8, 0.75, 0.85, 60, "bootstrap"), "auroc": Interval(0.9, None, None, 9, "too few")}
SLICES = {"hr staff": {"hit@5": Interval(1.0, 0.84, 1.0, 20, "wilson")}}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("ndcg@10>=0.7", "pass"),
        (" ndcg@10 >= 0.75 ", "pass"),
        ("ndcg@10>=.78", "inconclusive"),
        ("ndcg@10>=0.85", "inconclusive"),
        ("ndcg@10>=0.9", "fail"),
        ("auroc>=0.1", "inconclusive"),
        ("hit@5[hr staff]>=0.8", "pass"),
        ("hit@5[hr staff]>=1", "inconclusive"),
    ],
)
def test_a_condition_is_judged_by_its_interval(text, outcome):
    assert judged(parse_condition(text), OVERALL, SLICES).outcome == outcome


@pytest.mark.parametrize(
    "text", ["ndcg@10", "ndcg@10>0.7", "ndcg@10<=0.7", "ndcg@10>=1.5", "ndcg@10>=0.7.1", "", "p95>=1 ms"]
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(InvalidInput, match="no condition"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [("ndgc@10>=0.7", "Did you mean 'ndcg@10'"), ("hit@5[hr]>=0.7", "hr staff"), ("latency>=0.1", "has no 'latency'")],
)
def test_what_is_not_in_the_report_is_named(text, says):
    with pytest.raises(InvalidInput, match=says):
        judged(parse_condition(text), OVERALL, SLICES)
