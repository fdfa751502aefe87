"""Incidents: opened by alerts, people and reports; what evidence says of their time."""

from datetime import timedelta

import pytest

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.evidence import Draft
from aver.ops.incidents.desk import figures_of
from aver.ops.incidents.moments import moment_of
from tests.operations import open_bench, turn

CONFIG = """
slos: {up: {indicator: availability, target: 0.99}}
anomalies: {leave_out: [model_failures]}
"""


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path, CONFIG)


def changed(bench, kind, facts, body):
    with bench.store.begin() as tx:
        bench.ledger.append_all(tx, [Draft("release_x", kind, None, facts, body)])


def outage(bench, operations):
    """An hour and a half of peace, a release, twelve minutes of failures, peace."""
    for _ in range(90):
        bench.write(*(turn(user=each) for each in ("ann", "bob")))
        bench.clock.advance(60)
    changed(
        bench,
        "release_promoted",
        {"release": "b" * 64, "before": "a" * 64, "environment": "production"},
        {"by": "eve", "reason": "a better prompt"},
    )
    bench.clock.advance(30)
    began = bench.clock.now()
    for _ in range(12):
        bench.write(*(turn(user=each, failed="provider-error", provider="two") for each in ("ann", "bob", "cy")))
        bench.clock.advance(30)
        operations.look()
        bench.clock.advance(30)
    for _ in range(45):
        bench.write(turn(), turn(user="bob"))
        bench.clock.advance(60)
        operations.look()
    return began


def test_an_outage_from_its_first_effect_to_its_end(bench):
    bench.changes["a" * 64, "b" * 64] = [("policy", "mail may be sent without asking"), ("prompt", "system.md changed")]
    operations = bench.operations()
    began = outage(bench, operations)
    (found,) = operations.incidents.incidents()
    assert found.status == "mitigated"
    assert found.origin == "alert"
    assert abs(found.began - began) <= timedelta(minutes=1)
    assert found.detection_seconds <= 240  # a share of six turns takes two or three minutes
    ended = began + timedelta(minutes=12)
    assert found.mitigated is not None
    assert abs(found.mitigated - ended) <= timedelta(minutes=3)
    report = operations.report(found.id)
    assert (report.affected.count, report.affected.people) == (36, 3)
    assert len(report.affected.turns) == 36
    assert report.affected.features == {"assistant": 36}
    said = [f"{each.kind} {each.what}: {each.said}" for each in report.timeline.entries]
    assert [each.at for each in report.timeline.entries] == sorted(each.at for each in report.timeline.entries)
    assert any("policy: mail may be sent" in each for each in said)
    assert any("a better prompt" in each for each in said)
    assert any(each.startswith("effect provider: two") for each in said)
    assert any(each.startswith("incident opened") for each in said)
    assert any(each.startswith("alert fired") for each in said)
    assert any("the first effect" in each for each in said)
    assert {each.what for each in report.timeline.suspects} >= {"release", "policy", "prompt"}
    figures = figures_of([found])
    assert (figures.mttd, figures.mttm) == (found.detection_seconds, found.mitigation_seconds)


def test_several_alerts_of_one_outage_are_one_incident(bench):
    operations = bench.operations()
    outage(bench, operations)
    assert len(operations.incidents.incidents()) == 1
    assert len({each.rule for each in operations.alerts.alerts(standing=False)}) >= 2


def test_a_person_opens_notes_mitigates_and_resolves(bench):
    desk = bench.operations().incidents
    began = bench.clock.now()
    bench.clock.advance(600)
    found = desk.open("Answers are in Latin", by="ann", severity="ticket", feature="assistant", began=began)
    desk.note(found.id, "bob looks", by="ann")
    bench.clock.advance(60)
    assert desk.mitigate(found.id, "switched the provider", by="bob").mitigation_seconds == 60
    with pytest.raises(Conflict):
        desk.mitigate(found.id, "again", by="bob")
    done = desk.resolve(found.id, "the prompt was Latin", by="bob")
    assert (done.status, done.title, done.detection_seconds) == ("resolved", "Answers are in Latin", 600)
    with pytest.raises(Conflict):
        desk.resolve(found.id, "again", by="bob")
    desk.note(found.id, "a case was made of it", by="ann")
    steps = bench.ledger.turn(found.id)
    assert [each.facts["event"] for each in steps] == ["opened", "noted", "mitigated", "resolved", "noted"]
    report = bench.operations().report(found.id)
    assert [each.what for each in report.timeline.entries] == ["opened", "noted", "mitigated", "resolved", "noted"]
    assert figures_of([done]).mttd is None  # a person says themselves when it began


def test_what_is_resolved_unmitigated_is_mitigated_by_that(bench):
    desk = bench.operations().incidents
    found = desk.open("x", by="ann")
    bench.clock.advance(30)
    assert desk.resolve(found.id, "nothing was wrong", by="ann").mitigation_seconds == 30


def test_a_turn_that_is_reported(bench):
    steps = turn(feature="helper")
    bench.write(steps)
    bench.clock.advance(120)
    found = bench.operations().incidents.open("It is wrong", by="ann", turn=steps[0].turn)
    assert (found.origin, found.feature, found.detection_seconds) == ("report", "helper", 120)
    with pytest.raises(NotFound):
        bench.operations().incidents.open("It is wrong", by="ann", turn="turn_nowhere")


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, "a\0b", "\ud800"])
def test_a_title_says_something(bench, title):
    with pytest.raises(InvalidInput):
        bench.operations().incidents.open(title, by="ann")


def test_what_there_is_not(bench):
    desk = bench.operations().incidents
    for incident in ("incident_x", "a\0b"):
        with pytest.raises(NotFound):
            desk.one(incident)
    with pytest.raises(InvalidInput):
        desk.open("x", by="ann", began=bench.clock.now() + timedelta(hours=1))
    assert figures_of([]).reason


def test_nothing_that_people_wrote_stands_in_clear(bench):
    bench.operations().incidents.open("Ann's salary was shown", by="bob")
    bench.operations().alerts.silence({"rule": "x"}, timedelta(hours=1), by="bob", reason="Ann is away")
    for path in bench.store.directory.glob("tenant.db*"):
        assert b"salary" not in path.read_bytes()
        assert b"away" not in path.read_bytes()


def test_moments_as_people_type_them():
    assert moment_of("2026-01-31T10:00:00Z") == moment_of("2026-01-31T11:00:00+01:00") == moment_of("2026-01-31 10:00")
    with pytest.raises(InvalidInput):
        moment_of("noon")
