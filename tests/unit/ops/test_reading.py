"""Evidence is counted once, whoever reads, however often, and whatever clocks do."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import Conflict
from aver.evidence import Draft
from aver.ops.periods import FEATURES, Periods
from aver.ops.reading import EvidenceReader
from aver.ops.sums import count_value, over, quantile
from tests.operations import call, open_bench, turn


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


def summed(bench, series=FEATURES, seconds=3600):
    periods = Periods(bench.store, bench.clock)
    periods.refresh()
    return periods.over(series, seconds)


def read(bench):
    EvidenceReader(bench.store, bench.clock).catch_up()


def test_turns_are_told_apart(bench):
    bench.write(
        turn(),
        turn(failed="provider-error"),
        turn(failed="cancelled"),
        turn(failed="blocked"),
        turn(abstained=True, claims=0),
        turn(supported=1, checked={"outcome": "redact", "place": "output", "failures": [None]}),
        turn(checked={"outcome": "pass", "place": "input", "failures": ["late"]}),
        turn(tools=["done", "failed", "not_run"]),
        turn(more={"shadow_of": "turn_x"}),
        call(error="not-found"),
        call(error="provider-error"),
        call(),
    )
    read(bench)
    sums = summed(bench)
    assert sums["turns"] == 11  # a shadow is nobody's
    assert (sums["ended"], sums["failed"], sums["unsuccessful"]) == (8, 2, 3)
    assert (sums["claims"], sums["unsupported"]) == (12, 2)
    assert sums["unsafe"] == 2
    assert (sums["tools"], sums["tools_failed"]) == (3, 1)
    assert sums["hits"] == 2  # what was redacted, what was blocked
    assert summed(bench, "model:small")["calls"] == 12
    assert summed(bench, "feature:assistant")["turns"] == 8


def test_what_is_read_again_is_counted_once(bench):
    bench.write(turn())
    for _ in range(3):
        read(bench)
    assert summed(bench)["turns"] == 1


def test_a_turn_that_ends_after_it_was_looked_at_is_counted_whole(bench):
    steps = turn()
    bench.write(steps[:3])
    read(bench)
    bench.clock.advance(30)
    bench.write(steps[3:])
    read(bench)
    assert summed(bench)["claims"] == 3
    assert summed(bench)["tokens.n"] == 1


def test_of_two_replicas_that_read_the_same_one_is_heard(bench):
    bench.write(turn())
    first, second = (EvidenceReader(bench.store, bench.clock) for _ in range(2))
    taken = second._book.position
    second._book.position = lambda tx: taken(tx) if tx is None else _before
    with bench.store.read() as tx:
        _before = taken(tx)
    first.step()
    second._book.position = _once(_before, taken)
    with pytest.raises(Conflict):
        second.step()
    assert summed(bench)["turns"] == 1


def _once(value, then):
    """``value`` the first time, what is true after that."""
    given = iter([value])
    return lambda tx: next(given, None) or then(tx)


def test_a_clock_that_jumps_ahead_and_back_loses_nothing_and_counts_nothing_twice(bench):
    bench.write(turn())
    read(bench)
    bench.clock.advance(7200)
    bench.write(turn(), turn())
    read(bench)
    bench.clock.advance(-7200 + 30)
    bench.write(turn())
    read(bench)
    assert summed(bench, seconds=300)["turns"] == 4
    bench.clock.advance(4 * 3600)
    read(bench)
    assert summed(bench, seconds=300).get("turns", 0) == 0
    assert summed(bench, seconds=86_400)["turns"] == 4


def test_a_step_that_a_clock_ahead_of_ours_wrote_counts_for_now(bench):
    bench.clock.advance(3600)
    bench.write(turn())
    bench.clock.advance(-3600)
    read(bench)
    assert summed(bench, seconds=60)["turns"] == 1


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(-5000, 5000), st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_whatever_the_clock_does_every_turn_is_counted_once(tmp_path_factory, moves):
    bench = open_bench(tmp_path_factory.mktemp("bench"))
    written = 0
    for seconds, turns, reads in moves:
        bench.clock.advance(seconds)
        if turns:
            bench.write(*(turn() for _ in range(turns)))
            written += turns
        if reads:
            read(bench)
    read(bench)
    bench.clock.advance(600)
    assert summed(bench, seconds=91 * 86_400).get("turns", 0) == written


def test_sources_are_sampled_once_a_minute(bench):
    reader = EvidenceReader(bench.store, bench.clock, lambda: {"wiki": 30.0, "mail": 7200.0})
    for _ in range(6):
        reader.step()
        bench.clock.advance(30)
    assert over(summed(bench), "lag", 3600) == (3, 6)


def test_labels_that_callers_make_up_do_not_fill_the_database(bench, monkeypatch):
    monkeypatch.setattr("aver.ops.reading._MOST_SERIES", 10)
    bench.write(*(call(feature=f"f{number}") for number in range(50)))
    read(bench)
    periods = Periods(bench.store, bench.clock)
    periods.refresh()
    assert len(periods.names("feature")) <= 11
    assert summed(bench)["turns"] == 50


def test_what_was_changed_outside_aver_stops_nothing(bench):
    bench.write([Draft("turn_x", "sealed", None, {"ms": 1}, None)], turn())
    with bench.store.begin() as tx:
        tx.exec_driver_sql("UPDATE steps SET facts = '[1', at = 'noon' WHERE seq = 2")
    read(bench)
    assert summed(bench)["failed"] == 0


def test_days_are_read_as_hours(bench):
    for _ in range(30):
        bench.write(turn())
        bench.clock.advance(3600)
    read(bench)
    assert summed(bench, seconds=86_400)["turns"] in (24, 25)
    assert summed(bench, seconds=7 * 86_400)["turns"] == 30


def test_a_threshold_within_a_bucket_is_told_to_four_percent():
    sums = {}
    for value in range(1, 1001):
        count_value(sums, "x", value)
    count_value(sums, "x", 0)
    bad, total = over(sums, "x", 500)
    assert total == 1001
    assert bad == pytest.approx(500, abs=3)
    assert quantile(sums, "x", 0.5) == pytest.approx(500, rel=0.05)
    assert quantile({}, "x", 0.5) is None


def test_memory_follows_what_others_count(bench):
    periods = Periods(bench.store, bench.clock)
    bench.write(turn())
    read(bench)
    assert periods.refresh()
    assert periods.over(FEATURES, 60)["turns"] == 1
    assert not periods.refresh()
    bench.write(turn())
    read(bench)
    periods.refresh()
    assert periods.over(FEATURES, 60)["turns"] == 2
    assert periods.beginning == bench.clock.now() - timedelta(0)


def test_turns_that_an_evaluation_asks_count_for_nothing_that_is_promised(bench):
    bench.write(turn(failed="provider-error", more={"evaluation": True}), turn())
    read(bench)
    found = summed(bench)
    assert (found["turns"], found.get("failed", 0)) == (1, 0)
