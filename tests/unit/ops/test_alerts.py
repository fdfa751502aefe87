"""Alerts fire once and are resolved once; who is told is told once; and nothing is lost, whoever dies."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from aver.core.errors import InvalidInput, NotFound, Unavailable
from aver.ops import store as tables
from aver.ops.types import Departure
from tests.operations import open_bench

ROUTES = """
routes:
  team: {to: webhook, url: env:X, wait: 10s, interval: 5m, repeat: 4h}
"""


def departure(number=0, severity="page", **labels):
    return Departure(
        f"burn:{number}", severity, tuple(labels.items()), f"number {number} departs", None, {"burn": 20.0}
    )


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path, ROUTES)


def steps(bench, event):
    return [each for each in bench.ledger.of_kind("alerted") if each.facts["event"] == event]


def test_it_fires_once_and_is_resolved_once_whoever_looks(bench):
    for _ in range(5):
        bench.operations().alerts.look([departure()])
        bench.clock.advance(5)
    assert len(steps(bench, "fired")) == 1
    assert len(bench.operations().alerts.alerts()) == 1
    for _ in range(5):
        bench.operations().alerts.look([])
        bench.clock.advance(100)
    assert len(steps(bench, "resolved")) == 1
    assert bench.operations().alerts.alerts() == []
    assert bench.ledger.verify().ok


def test_what_comes_and_goes_is_one_alert(bench):
    desk = bench.operations().alerts
    for number in range(20):
        desk.look([departure()] if number % 2 else [])
        bench.clock.advance(60)
    assert len(steps(bench, "fired")) == 1


def test_a_clock_that_was_put_back_fires_nothing_again_and_holds_nothing_for_ever(bench):
    desk = bench.operations().alerts
    bench.clock.advance(7200)
    desk.look([departure()])
    bench.clock.advance(-7200)
    desk.look([departure()])
    desk.look([])
    bench.clock.advance(301)
    assert len(desk.look([]).resolved) == 1
    assert len(steps(bench, "fired")) == 1


def test_one_message_a_group_and_none_twice(bench):
    operations = bench.operations()
    operations.alerts.look([departure(0, feature="a"), departure(0, feature="b")])
    operations.tell()
    assert bench.sent == []  # it waits for others
    bench.clock.advance(11)
    for _ in range(3):
        bench.operations().tell()
    assert [(message.status, message.standing) for _, message in bench.sent] == [("firing", 2)]
    bench.clock.advance(400)
    operations.alerts.look([])
    bench.clock.advance(400)
    operations.alerts.look([])
    operations.tell()
    bench.clock.advance(11)
    operations.tell()
    assert [(message.status, message.gone) for _, message in bench.sent] == [("firing", 0), ("resolved", 2)]
    assert bench.sent[0][1].thread == bench.sent[1][1].thread
    assert len(steps(bench, "told")) == 2


def test_what_still_stands_is_told_again_after_a_while(bench):
    operations = bench.operations()
    for _ in range(10):
        operations.alerts.look([departure()])
        operations.tell()
        bench.clock.advance(1800)
    assert len(bench.sent) == 2


def test_what_joins_a_group_waits_for_its_interval(bench):
    operations = bench.operations()
    operations.alerts.look([departure(0, feature="a")])
    bench.clock.advance(1)
    for _ in range(60):
        operations.alerts.look([departure(0, feature="a"), departure(0, feature="b")])
        operations.tell()
        bench.clock.advance(5)
    assert len(bench.sent) == 1  # both came within the first wait
    for _ in range(70):
        operations.alerts.look([departure(0, feature=each) for each in "abc"])
        operations.tell()
        bench.clock.advance(5)
    assert [message.standing for _, message in bench.sent] == [2, 3]


def test_a_route_that_fails_is_tried_again_under_the_same_id(bench):
    operations = bench.operations()
    operations.alerts.look([departure()])
    operations.tell()
    bench.clock.advance(11)
    bench.broken = Unavailable("nobody is there", "Wait.")
    seen = []
    send = bench._send
    bench._send = lambda route, message: (seen.append(message.id), send(route, message))
    for _ in range(4):
        operations = bench.operations()
        operations.tell()
        bench.clock.advance(70)
    assert operations.problems() == {"team": "nobody is there"}
    assert len(seen) >= 3
    assert len(set(seen)) == 1
    bench.broken = None
    bench.clock.advance(900)
    operations.tell()
    assert [message.id for _, message in bench.sent] == seen[:1]
    assert operations.problems() == {}


def test_a_sender_that_dies_is_taken_over_from_with_the_same_id(bench):
    operations = bench.operations()
    operations.alerts.look([departure()])
    operations.tell()
    bench.clock.advance(11)
    claimed = operations._teller._claim(list(bench.config.routes.values()))  # and it dies
    assert len(claimed) == 1
    assert bench.operations().tell() == []  # somebody is at it
    bench.clock.advance(61)
    bench.operations().tell()
    assert [message.id for _, message in bench.sent] == [claimed[0].message.id]


def test_routes_take_what_is_theirs(bench):
    route = bench.config.routes["team"]
    routes = {
        "pages": replace(route, name="pages", severity=("page",)),
        "a": replace(route, name="a", features=("a",)),
    }
    bench.config = replace(bench.config, routes=routes)
    operations = bench.operations()
    operations.alerts.look([departure(0, "page", feature="b"), departure(1, "ticket", feature="a")])
    operations.tell()
    bench.clock.advance(11)
    operations.tell()
    told = {route.name: [each.rule for each in message.alerts] for route, message in bench.sent}
    assert told == {"pages": ["burn:0"], "a": ["burn:1"]}


def test_a_silence_keeps_it_from_people_and_not_from_evidence(bench):
    operations = bench.operations()
    found = operations.alerts.silence({"rule": "burn:*", "feature": "a"}, timedelta(hours=1), by="ann", reason="works")
    operations.alerts.look([departure(0, feature="a")])
    operations.tell()
    bench.clock.advance(600)
    operations.tell()
    assert bench.sent == []
    assert len(steps(bench, "fired")) == 1
    operations.alerts.unsilence(found.id, by="ann")
    operations.tell()
    bench.clock.advance(11)
    operations.tell()
    assert len(bench.sent) == 1
    assert [len(steps(bench, event)) for event in ("silenced", "unsilenced")] == [1, 1]
    with pytest.raises(NotFound):
        operations.alerts.unsilence(found.id, by="ann")


@pytest.mark.parametrize("matches", [{}, {"colour": "red"}, {"": ""}])
def test_a_silence_of_everything_is_refused(bench, matches):
    with pytest.raises(InvalidInput):
        bench.operations().alerts.silence(matches, timedelta(hours=1), by="ann", reason="works")


def test_a_silence_ends_by_itself_and_has_a_reason(bench):
    desk = bench.operations().alerts
    desk.silence({"severity": "page"}, timedelta(hours=1), by="ann", reason="works")
    bench.clock.advance(3601)
    assert desk.silences() == []
    with pytest.raises(InvalidInput):
        desk.silence({"severity": "page"}, timedelta(hours=1), by="ann", reason=" ")
    with pytest.raises(InvalidInput):
        desk.silence({"severity": "page"}, timedelta(days=400), by="ann", reason="for good")


def test_a_storm_of_ten_thousand_is_one_message(bench):
    operations = bench.operations()
    storm = [departure(number, "ticket", key=f"key_{number}") for number in range(10_000)]
    for _ in range(3):
        operations.alerts.look(storm)
        operations.tell()
        bench.clock.advance(11)
    assert [message.standing for _, message in bench.sent] == [10_000]
    assert len(bench.sent[0][1].alerts) == 20
    assert len(steps(bench, "fired")) == 10_000
    bench.clock.advance(400)
    operations.alerts.look([])
    operations.tell()
    bench.clock.advance(11)
    operations.tell()
    assert [message.status for _, message in bench.sent] == ["firing", "resolved"]
    with bench.store.read() as tx:
        assert len(tx.execute(select(tables.alerts).where(tables.alerts.c.resolved == "")).all()) == 0
