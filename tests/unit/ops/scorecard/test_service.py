"""The scorecard of a tenant with a history: over any period, of any feature and release, held against targets and the period before."""

from datetime import timedelta

import pytest

from aver.core.errors import Conflict, InvalidInput, SettingsError
from aver.core.yaml import parse_yaml
from aver.ops.scorecard.declaration import SCORECARD, ScorecardConfig, read_scorecard
from aver.ops.scorecard.service import Scorecards, period_of
from aver.ops.scorecard.survey import Survey
from aver.ops.scorecard.types import Kept, Wanted
from tests.operations import open_bench, turn
from tests.scorecards import live

OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    bench = open_bench(tmp_path_factory.mktemp("scorecard"), "{slos: {true: {indicator: groundedness, target: 0.9}}}")
    live(bench.store, bench.ledger, bench.clock)
    bench.operations().read()
    return bench


def cards(bench, config=ScorecardConfig(), kept=Kept()):  # noqa: B008
    return Scorecards(bench.store, bench.ledger, bench.clock, lambda: config, lambda: bench.config, lambda: kept)


def figure(card, name):
    return next(each for each in card.figures if each.kpi.name == name)


def test_features_and_releases_add_up(lived):
    whole = figure(cards(lived).read(Wanted(period=timedelta(days=60))), "task success rate").found.n
    parts = [
        figure(cards(lived).read(Wanted(feature, release, timedelta(days=60))), "task success rate").found.n
        for feature in ("assistant", "desk")
        for release in (OLD, NEW)
    ]
    assert sum(parts) == whole == 35 * 24
    assert all(parts)


def test_a_line_is_of_the_period_and_adds_up(lived):
    card = cards(lived).read()
    assert (card.since, card.until) == (lived.clock.now() - timedelta(days=30), lived.clock.now())
    spent = figure(card, "model spend")
    assert sum(each.value or 0 for each in spent.series) == pytest.approx(spent.value)
    assert [each.at for each in spent.series] == sorted(each.at for each in spent.series)
    assert len(spent.series) <= 32
    assert {each.at - card.since for each in spent.series} == {timedelta(days=number) for number in range(31)}


@pytest.mark.parametrize("period", ["1h", "24h", "7d", "8d", "90d", "1y", "2y"])
def test_any_period_is_told_in_a_few_points(lived, period):
    card = cards(lived).read(Wanted(period=period_of(period)))
    assert all(len(each.series) <= 32 for each in card.figures)


def test_a_release_that_fails_less_is_better(lived):
    old, new = (figure(cards(lived).read(Wanted(release=each)), "grounded answer rate") for each in (OLD, NEW))
    assert new.value > old.value


def test_a_figure_leads_to_the_turns_behind_it(lived):
    card = cards(lived).read(Wanted("desk", NEW, timedelta(days=7)))
    address = figure(card, "grounded answer rate").address
    assert address.startswith(f"/turns?feature=desk&release={NEW}&unsupported=1&since=2026-01-29T00%3A00%3A00")
    assert figure(card, "MTTD").address == "/incidents"


def test_what_is_not_told_apart_says_so(lived):
    card = cards(lived).read(Wanted("desk", NEW))
    assert not figure(card, "stakeholder satisfaction").narrowed
    assert not figure(card, "incident count").narrowed
    assert figure(card, "task success rate").narrowed
    assert figure(cards(lived).read(Wanted("desk")), "incident count").narrowed


def test_a_target_of_a_month_is_held_against_the_period(lived):
    config = ScorecardConfig({"model_spend": 3.0, "task_success_rate": 0.99})
    card = cards(lived, config).read(Wanted(period=timedelta(days=10)))
    assert figure(card, "model spend").target == 1.0
    assert figure(card, "task success rate").standing in ("missed", "undecided")
    assert figure(card, "task success rate").target == 0.99


def test_what_was_not_counted_the_whole_time_before_is_nothing_to_hold_against(lived):
    assert figure(cards(lived).read(), "model spend").before is None
    assert figure(cards(lived).read(Wanted(period=timedelta(days=15))), "model spend").before is not None


def test_documents_grew(lived):
    series = figure(cards(lived, kept=Kept(documents=144)).read(), "knowledge assets").series
    assert series[-1].value == 144
    assert series[0].value == 124


def test_a_report_of_a_turn_with_an_unsupported_claim_is_a_hallucination(tmp_path):
    bench = open_bench(tmp_path)
    bad, good = turn(supported=1), turn()
    bench.write(bad, good)
    operations = bench.operations()
    for each in (bad, good):
        operations.incidents.open("It is wrong", by="ann", turn=each[0].turn)
    operations.read()
    card = cards(bench).read()
    assert figure(card, "hallucination incident rate").value == 500.0
    assert figure(card, "incident count").value == 2


def test_an_alert_on_groundedness_is_a_hallucination(tmp_path):
    bench = open_bench(tmp_path, "{slos: {true: {indicator: groundedness, target: 0.98}}, incidents: [page]}")
    bench.pass_time(3600, 20)
    operations = bench.operations()
    operations.look()
    bench.pass_time(600, 10, supported=0)
    operations.look()
    card = cards(bench).read(Wanted(period=timedelta(hours=24)))
    assert figure(card, "hallucination incident rate").found.note == "1 incident"
    assert figure(card, "MTTD").value > 0


@pytest.mark.parametrize("text", ["", "0h", "3y", "30", "30m", "-1d", "٣d", "1000000d"])
def test_a_period_is_an_hour_to_two_years(text):
    with pytest.raises(InvalidInput, match="is no period"):
        period_of(text)


def test_targets_are_read_written_and_refused_with_their_line():
    config = read_scorecard(parse_yaml("targets: {task_success_rate: 0.8, p95_latency: 2.5}", "aver.yaml"))
    assert dict(config.targets) == {"task_success_rate": 0.8, "p95_latency": 2.5}
    assert SCORECARD.write(config) == {"targets": {"task_success_rate": 0.8, "p95_latency": 2.5}}
    for wrong in ("targets:\n  task_sucess_rate: 1", "targets:\n  task_success_rate: 1.1", "aims: {}"):
        with pytest.raises(SettingsError, match=r"aver\.yaml:"):
            read_scorecard(parse_yaml(wrong, "aver.yaml"))


def test_the_survey_is_answered_once_a_month(tmp_path):
    bench = open_bench(tmp_path)
    survey = Survey(bench.store, bench.ledger, bench.clock)
    assert survey.asks("ann")
    survey.answer("ann", 5, "  more documents ")
    assert not survey.asks("ann")
    assert survey.asks("bob")
    with pytest.raises(Conflict, match="answered this month"):
        survey.answer("ann", 1)
    steps = list(bench.ledger.of_kind("surveyed"))
    assert [(each.facts, each.body) for each in steps] == [({"score": 5}, {"user": "ann", "text": "more documents"})]
    assert "ann" not in steps[0].turn
    bench.clock.advance(32 * 86_400)
    survey.answer("ann", 4)


@pytest.mark.parametrize(("score", "text"), [(0, ""), (6, ""), (3, "x" * 2001), (3, "a\0b")])
def test_an_answer_that_is_none_is_refused_and_not_kept(tmp_path, score, text):
    bench = open_bench(tmp_path)
    survey = Survey(bench.store, bench.ledger, bench.clock)
    with pytest.raises(InvalidInput):
        survey.answer("ann", score, text)
    assert survey.asks("ann")
