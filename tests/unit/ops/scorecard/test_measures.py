"""Each figure is made of what it says, with the interval that it says, or says why there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aver.evals.statistics.intervals import interval, wilson
from aver.ops.scorecard import measures
from aver.ops.scorecard.counting import _place
from aver.ops.scorecard.definitions import KPIS
from aver.ops.scorecard.service import standing_of, trend_of
from aver.ops.scorecard.types import Component, Exposure, Kept, Lack, Measured, Occurred, Shipped, Stretch, Wanted
from aver.ops.sums import count_value

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)
EMPTY = Stretch(SINCE, UNTIL, Wanted())
NAMES = [
    "feature adoption",
    "task success rate",
    "grounded answer rate",
    "hallucination incident rate",
    "safety policy violation rate",
    "prompt injection success rate",
    "PII leakage rate",
    "model spend",
    "cost per successful task",
    "token efficiency",
    "p95 latency",
    "retrieval precision@k",
    "evaluation coverage",
    "regression escape rate",
    "incident count",
    "MTTD",
    "MTTM",
    "component reuse rate",
    "stakeholder satisfaction",
    "knowledge assets",
    "time to ship a new use case",
]


def day(number):
    return SINCE + timedelta(days=number)


def kept(**given):
    return replace(EMPTY, kept=Kept(**given))


def kpi(name):
    return next(each for each in KPIS if each.name == name)


def occurred(at=5, **given):
    known = {
        "feature": "assistant",
        "detection_seconds": None,
        "mitigation_seconds": None,
        "quality": False,
        "unsupported": False,
    }
    return Occurred(detected=day(at), **(known | given))


def test_every_kpi_is_there_in_its_order():
    assert [each.name for each in KPIS] == NAMES
    assert len({each.key for each in KPIS}) == len(KPIS)


@pytest.mark.parametrize("each", KPIS, ids=lambda each: each.key)
def test_of_nothing_there_is_a_reason_and_what_to_do(each):
    found = each.measure(EMPTY)
    if each.name == "incident count":
        assert found == Measured(0.0, None, None, 0, "counted")
    else:
        assert isinstance(found, Lack)
        assert found.because[0].islower()
        assert found.todo.endswith(".")


def test_a_share_has_wilsons_interval():
    stretch = replace(EMPTY, card={"ended": 200, "unsuccessful": 20, "turns": 210, "unsafe": 1})
    found = kpi("task success rate").measure(stretch)
    assert (found.value, found.low, found.high, found.n) == (0.9, *wilson(0.9, 200), 200)
    assert kpi("safety policy violation rate").measure(stretch).value == 1 / 210


def test_a_ratio_has_the_interval_that_its_turns_would_have():
    random = np.random.default_rng(1)
    done, usd = (random.random(400) < 0.8).astype(float), random.gamma(2, 0.01, 400)
    card = {"turns": 400, "done": done.sum(), "usd": usd.sum(), "usd.2": (usd**2).sum(), "usd.done": (usd * done).sum()}
    found = measures.cost_per_task(replace(EMPTY, card=card))
    whole = interval(np.column_stack([usd, done]))
    assert found.value == pytest.approx(whole.value)
    assert found.high - found.low == pytest.approx(whole.high - whole.low, rel=0.05)
    assert found.low < whole.value < found.high


def test_a_ratio_of_few_has_no_interval():
    found = measures.cost_per_task(replace(EMPTY, card={"turns": 5, "done": 5, "usd": 1.0}))
    assert (found.value, found.low, found.method) == (0.2, None, "too few")


def test_tokens_are_held_against_what_was_done_with_them():
    card = {"asked": 100, "asked.done": 50, "tokens": 1e5, "tokens.2": 1.1e8, "tokens.done": 5e4}
    found = measures.token_efficiency(replace(EMPTY, card=card))
    assert found.value == 500
    assert found.low < 500 < found.high


def test_a_quantile_lies_between_the_order_statistics_around_it():
    card = {}
    for number in range(1000):
        count_value(card, "latency_ms", 1000 + number)
    found = measures.p95(replace(EMPTY, card=card))
    assert found.value == pytest.approx(1.95, rel=0.05)
    assert found.low <= found.value <= found.high
    assert found.n == 1000


def test_adoption_is_of_those_on_record_or_who_asked():
    mine = frozenset(_place(f"u{number}") for number in range(5))
    everyone = mine | {_place(f"v{number}") for number in range(5)}
    stretch = replace(EMPTY, people=mine, everyone=frozenset(everyone))
    assert measures.adoption(replace(stretch, kept=Kept(people=20))).value == 0.25
    assert measures.adoption(replace(stretch, kept=Kept(people=4))).value == 0.5


def test_claims_without_support_that_became_an_incident():
    stretch = replace(
        kept(incidents=(occurred(unsupported=True), occurred(), occurred(at=40, unsupported=True))),
        card={"answers": 500},
    )
    assert measures.hallucinations(stretch).value == 2.0


def test_incidents_are_those_of_the_feature_and_of_none():
    stretch = kept(incidents=(occurred(), occurred(feature="desk"), occurred(feature="")))
    assert measures.incident_count(stretch).value == 3
    assert measures.incident_count(replace(stretch, wanted=Wanted("desk"))).value == 2


def test_times_to_detect_and_mitigate_are_means():
    stretch = kept(incidents=(occurred(detection_seconds=10, mitigation_seconds=60), occurred(mitigation_seconds=120)))
    assert measures.time_to_detect(stretch) == Measured(10, None, None, 1, "too few")
    assert measures.time_to_mitigate(stretch).value == 90


def released(digest, features=("assistant",), passed=(0,), created=0):
    return Shipped(digest, day(created), frozenset(features), tuple(map(day, passed)))


@pytest.mark.parametrize(
    ("exposures", "incidents", "value"),
    [
        ([Exposure("a", day(2), None, back=False)], [], 0),
        ([Exposure("a", day(2), day(3), back=True)], [], 1),
        ([Exposure("a", day(2), day(3), back=True, whole=False)], [], 1),
        ([Exposure("a", day(2), day(9), back=False)], [occurred(quality=True)], 1),
        ([Exposure("a", day(2), day(4), back=False)], [occurred(quality=True)], 0),
        ([Exposure("a", day(2), None, back=False)], [occurred(quality=False)], 0),
        ([Exposure("a", day(2), None, back=False)], [occurred(quality=True, feature="desk")], 0),
        ([Exposure("a", day(2), day(3), back=False, whole=False), Exposure("a", day(3), day(4), back=True)], [], 1),
    ],
)
def test_a_regression_that_escaped_a_gate(exposures, incidents, value):
    stretch = kept(releases=(released("a"),), exposures=tuple(exposures), incidents=tuple(incidents))
    found = measures.escapes(stretch)
    assert (found.value, found.n) == (value, 1)


@pytest.mark.parametrize(
    ("release", "at"),
    [(released("a", passed=()), 2), (released("a", passed=(5,)), 2), (released("a"), 60), (released("a", ["desk"]), 2)],
)
def test_what_no_gate_had_let_through_is_no_escape(release, at):
    stretch = kept(releases=(release,), exposures=(Exposure("a", day(at), day(at + 1), back=True),))
    assert isinstance(measures.escapes(replace(stretch, wanted=Wanted("assistant"))), Lack)


def test_parts_that_several_features_use():
    parts = (
        Component("tool", "search", frozenset({"desk", "assistant"})),
        Component("prompt", "p.md", frozenset({"desk"})),
        Component("policy", "unused", frozenset()),
    )
    stretch = kept(components=parts, features=frozenset({"desk", "assistant"}))
    assert measures.reuse(stretch).value == 0.5
    assert measures.reuse(replace(stretch, wanted=Wanted("assistant"))).value == 1
    assert "only one feature" in measures.reuse(kept(components=parts, features=frozenset({"desk"}))).because


def test_a_feature_is_shipped_when_it_first_meets_users():
    stretch = kept(
        releases=(released("a", created=1), released("b", ["assistant", "desk"], created=4)),
        exposures=(
            Exposure("a", day(3), day(6), back=False),
            Exposure("b", day(5), day(6), back=False, whole=False),
            Exposure("b", day(10), None, back=False),
        ),
    )
    assert measures.shipping(stretch).value == 4.0  # 2 days and 6: a rollout is not yet its users
    assert measures.shipping(replace(stretch, wanted=Wanted("desk"))).value == 6.0


def test_people_are_satisfied_by_four_points():
    found = measures.satisfaction(replace(EMPTY, tenant={"survey~5": 3, "survey~4": 3, "survey~1": 4}))
    assert (found.value, found.note) == (0.6, "3.1 of 5 points")


def test_documents_are_those_of_the_end_of_the_period():
    assert measures.assets(replace(kept(documents=10), after=3)).value == 7


def test_precision_is_at_the_k_of_most_cases():
    tests = {"precision.5": 30, "precision.5.n": 60, "precision.10": 1, "precision.10.n": 10}
    found = measures.precision(replace(EMPTY, tests=tests))
    assert (found.value, found.n, found.note) == (0.5, 60, "k = 5, labelled cases")


def test_turns_of_releases_that_somebody_evaluated():
    found = measures.coverage(replace(EMPTY, turns={"a": 30, "b": 10, "-": 5}, tested=frozenset("a")))
    assert (found.value, found.note) == (0.75, "1 of 2 releases evaluated")


@pytest.mark.parametrize(
    ("name", "found", "target", "standing"),
    [
        ("task success rate", Measured(0.95, 0.92, 0.97, 100, "wilson"), 0.9, "met"),
        ("task success rate", Measured(0.95, 0.88, 0.97, 100, "wilson"), 0.9, "undecided"),
        ("task success rate", Measured(0.8, 0.75, 0.85, 100, "wilson"), 0.9, "missed"),
        ("p95 latency", Measured(2, 1, 3, 100, "order"), 3, "met"),
        ("p95 latency", Measured(2, None, None, 3, "too few"), 3, "undecided"),
        ("model spend", Measured(2, None, None, 3, "counted"), 3, "met"),
        ("model spend", Measured(4, None, None, 3, "counted"), 3, "missed"),
        ("model spend", Measured(4, None, None, 3, "counted"), None, "no target"),
        ("model spend", Lack("x", "y"), 3, "no data"),
    ],
)
def test_a_target_is_met_by_the_whole_interval(name, found, target, standing):
    assert standing_of(kpi(name), found, target) == standing


@pytest.mark.parametrize(
    ("name", "now", "before", "trend"),
    [
        ("task success rate", (0.9, 0.88, 0.92), (0.7, 0.68, 0.72), "better"),
        ("task success rate", (0.9, 0.8, 0.95), (0.88, 0.8, 0.95), "steady"),
        ("p95 latency", (3, 2.9, 3.1), (2, 1.9, 2.1), "worse"),
        ("p95 latency", (3, None, None), (2, 1.9, 2.1), "unknown"),
    ],
)
def test_a_trend_is_what_is_certain_of_a_change(name, now, before, trend):
    measured = [Measured(*each, 100, "wilson") for each in (now, before)]
    change, found = trend_of(kpi(name), *measured)
    assert found == trend
    assert change == pytest.approx(now[0] - before[0])
    assert trend_of(kpi(name), measured[0], Lack("x", "y")) == (None, "unknown")
