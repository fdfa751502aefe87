"""What is looked at beside evidence: judged, remembered, and told also where nothing can be written."""

import pytest

from aver.core.errors import Unavailable
from aver.ops.health.checks import of_clock, of_disk, of_index, of_source, of_store, reserve_size
from aver.ops.health.conditions import Conditions
from aver.ops.health.standby import Standby
from aver.ops.types import Route
from aver.testing import FixedClock
from tests.operations import open_bench, turn

MB = 2**20


@pytest.mark.parametrize(
    ("free", "total", "unwritable", "given_up", "short"),
    [
        (300 * MB, 10_000 * MB, "", 0, False),
        (200 * MB, 10_000 * MB, "", 0, True),
        (200 * MB, 1_000 * MB, "", 0, False),  # a tenth, where that is less
        (90 * MB, 1_000 * MB, "", 0, True),
        (110 * MB, 1_000 * MB, "", 32 * MB, True),  # free only because the reserve is given up
        (900 * MB, 1_000 * MB, "nothing can be written (Read-only file system)", 0, True),
    ],
)
def test_a_disk_is_short(free, total, unwritable, given_up, short):
    found = of_disk(free, total, unwritable, given_up)
    assert (found is not None) == short
    assert not short or found.severity == "page"


def test_a_reserve_is_a_tenth_at_most():
    assert reserve_size(32, 10_000 * MB) == 32 * MB
    assert reserve_size(32, 100 * MB) == 10 * MB
    assert reserve_size(0, 100 * MB) == 0


def test_clocks_and_indexes_and_stores():
    assert of_clock(0, 59) is None
    assert "back by 3,600.0 s" in of_clock(-3600, 0).said
    assert "120 s ahead" in of_clock(0, 120).said
    assert of_index("") is None
    assert of_store("") is None
    assert "gone" in of_store("tenant.db is gone").said


@pytest.mark.parametrize(
    ("lag", "every", "problem", "late"),
    [
        (500, 0, "", False),  # only when asked to
        (194, 60, "", False),
        (196, 60, "", True),
        (104, 60, "refused", False),
        (106, 60, "refused", True),
    ],
)
def test_a_source_is_late(lag, every, problem, late):
    found = of_source("wiki", lag, every, problem)
    assert (found is not None) == late
    assert not late or dict(found.labels) == {"source": "wiki"}


def test_conditions_remember_since_when_and_tell_of_what_was_mended_at_once():
    clock = FixedClock()
    conditions, began = Conditions(clock), clock.now()
    assert [each.rule for each in conditions.note("store", [of_store("gone")], "t1")] == ["health:store"]
    clock.advance(3)
    assert conditions.note("store", [of_store("gone")], "t1") == []
    assert conditions.stands("store", "t1")
    assert not conditions.stands("store", "t2")
    assert [each.began for each in conditions.of("t1")] == [began]
    conditions.note("store", [], "t1")
    assert not conditions.stands("store", "t1")
    assert [each.rule for each in conditions.of("t1")] == ["health:store"]
    clock.advance(20)
    assert conditions.of("t1") == []
    conditions.note("disk", [of_disk(0, MB)])
    assert conditions.stands("disk", "t2")
    assert conditions.signals() == ("disk",)


def test_what_departs_fires_by_the_same_desk(tmp_path):
    bench = open_bench(tmp_path, "{routes: {own: {to: webhook, url: 'env:X'}}}")
    conditions = Conditions(bench.clock)
    operations = bench.operations()
    operations._health = lambda: conditions.of(bench.store.tenant.id)
    bench.write(turn())
    conditions.note("source", [of_source("wiki", 900, 60, "refused")], bench.store.tenant.id)
    conditions.note("disk", [of_disk(0, MB)])
    fired = operations.look().fired
    assert sorted(each.rule for each in fired) == ["health:disk", "health:source"]
    assert len({each.incident for each in fired}) == 1  # opened by the page, and joined by the ticket
    steps = [step for step in bench.ledger.of_kind("alerted") if step.facts.get("event") == "fired"]
    assert [step.facts.get("source") for step in steps if step.facts["rule"] == "health:source"] == ["wiki"]


def test_routes_are_told_while_nothing_can_be_written(tmp_path):
    bench = open_bench(tmp_path)
    sent, refuse = [], [True]

    def send(route, message):
        if refuse[0]:
            raise Unavailable("nobody is there", "Wait.")
        sent.append((route.name, message))

    standby = Standby(bench.store.tenant, bench.clock, send)
    routes = [Route("own", "webhook"), Route("tickets", "slack", severity=("ticket",))]
    found = [of_store("tenant.db is gone")]
    assert [each.rule for each in standby.tell(found, routes)] == ["health:store"]
    assert standby.tell(found, routes) == []
    refuse[0] = False
    assert standby.tell(found, routes) == []
    assert sent == []
    bench.clock.advance(31)
    standby.tell(found, routes)
    standby.tell(found, routes)
    assert [(name, message.status, message.standing) for name, message in sent] == [("own", "firing", 1)]
    standby.forget()
    assert len(standby.tell(found, routes)) == 1
