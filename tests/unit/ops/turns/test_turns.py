"""The index of turns says what evidence says, however it came to be read, and finds what reading all of it would."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft
from aver.evidence.clear import clear_turns
from aver.evidence.store import steps
from aver.ops.incidents.affected import departs, pass_over
from aver.ops.reading import EvidenceReader
from aver.ops.store import incidents, reading
from aver.ops.turns import store as tables
from aver.ops.turns.asking import read_filters, write_filters
from aver.ops.turns.describing import row_of, sets_of
from aver.ops.turns.index import TurnIndex
from aver.ops.turns.numbers import BLOCK, flags, packed
from aver.ops.turns.search import TurnSearch
from aver.ops.turns.types import OUTCOMES, Filters
from tests.operations import call, declared, open_bench, turn

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def read(bench):
    EvidenceReader(bench.store, bench.clock).catch_up()


def search(bench):
    return bench.operations().turns


def found(bench, **filters):
    return search(bench).find(Filters(**filters), 500)


def ids(bench, **filters):
    return [each.id for each in found(bench, **filters).turns]


def judged(steps, score):
    return [Draft(steps[0].turn, "judged", "user:ann", {"score": score}, None)]


DENIED = Draft("", "decided", "user:ann", {"outcome": "deny", "tool": "mail"}, None)
SHAPES = {
    "plain": turn,
    "failed": lambda: turn(failed="provider-error", model="large", provider="two"),
    "left": lambda: turn(failed="cancelled"),
    "held": lambda: turn(
        failed="blocked", checked={"outcome": "block", "place": "input", "checks": ["topics"], "outcomes": ["block"]}
    ),
    "abstained": lambda: turn(abstained=True, claims=0, ms=300.0),
    "unsupported": lambda: turn(supported=1, nano=9_000_000, more={"arm": "candidate", "release": "c" * 64}),
    "tools": lambda: turn(feature="desk", tools=["done", "failed"], ms=9000.0),
    "open": lambda: turn(feature="desk")[:3],
    "shadow": lambda: turn(more={"shadow_of": "turn_x"}),
    "call": lambda: call(feature="triage", key="key_1", error=None),
    "call failed": lambda: call(error="provider-error"),
    "call wrong": lambda: call(error="invalid-input"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Some of every shape, some of them judged, read in several goes."""
    made = open_bench(tmp_path_factory.mktemp("turns"))
    for round_ in range(4):
        for name, shape in SHAPES.items():
            steps = shape()
            if name == "tools" and round_ == 1:
                steps.insert(3, replace(DENIED, turn=steps[0].turn))
            made.write(steps, judged(steps, round_ % 2) if name in ("plain", "call") else [])
            made.clock.advance(977)
        read(made)
    return made


def rows_by_reading(bench):
    """Every turn, made of all its steps."""
    with bench.store.read() as tx:
        turns = list(dict.fromkeys(tx.scalars(select(steps.c.turn).order_by(steps.c.seq))))
    rows = [row_of(several) for several in clear_turns(bench.store, turns).values()]
    return sorted((row for row in rows if row), key=lambda row: row.first)


def test_turns_are_told_as_they_ended(bench):
    assert {name: found(bench, outcome=name).total for name in OUTCOMES} == {
        "answered": 16, "abstained": 4, "failed": 8, "blocked": 8, "cancelled": 4, "open": 4,
    }  # fmt: skip
    assert found(bench).total == 44  # a shadow is nobody's
    assert found(bench, check="topics").total == 4
    assert found(bench, tool="mail").total == found(bench, denied=True).total == 1
    assert found(bench, unsupported=True, arm="candidate", release="cccc").total == 4
    assert found(bench, feedback="good").total == found(bench, feedback="bad").total == 4
    assert found(bench, key="key_1", feature="triage").total == 4
    assert found(bench, provider="two").total == 4


def test_the_index_holds_what_evidence_says(bench):
    assert list(reversed(found(bench).turns)) == rows_by_reading(bench)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "feature": st.sampled_from(["assistant", "desk", "triage", "none"]),
        "outcome": st.sampled_from(OUTCOMES),
        "model": st.sampled_from(["small", "large"]),
        "release": st.sampled_from(["r", "cc"]),
        "unsupported": st.just(True),
        "feedback": st.sampled_from(["good", "bad"]),
        "since": st.integers(0, 50).map(lambda n: timedelta(seconds=977 * n + 1)),
        "until": st.integers(0, 50).map(lambda n: timedelta(seconds=977 * n)),
    },
)


@settings(max_examples=60)
@given(FILTERS, st.sampled_from(["newest", "cost", "latency"]), st.integers(1, 7))
def test_pages_put_together_are_what_filtering_all_of_it_finds(bench, filters, sort, most):
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    filters = {name: begin + value if isinstance(value, timedelta) else value for name, value in filters.items()}
    expected = [row for row in rows_by_reading(bench) if matches(row, filters)]
    value = {"newest": lambda row: 0, "cost": lambda row: row.nano, "latency": lambda row: row.ms}[sort]
    expected.sort(key=lambda row: (-value(row), -row.first))
    pages, after = [], ""
    while True:
        page = search(bench).find(Filters(**filters, sort=sort, after=after), most)
        assert page.total == len(expected)
        assert sum(sum(slot.outcomes.values()) for slot in page.slots) == len(expected)
        pages += page.turns
        after = page.following
        if not after:
            break
        assert len(page.turns) == most
    assert pages == expected


def matches(row, filters):
    sets = sets_of(row)
    at = datetime.fromisoformat(row.at)
    tests = {
        "since": lambda value: at >= value,
        "until": lambda value: at < value,
        "unsupported": lambda _: row.supported < row.claims,
        "release": row.release.startswith,
        "model": lambda value: value in row.models,
        "feedback": lambda value: f"feedback:{value}" in sets,
        "feature": lambda value: row.feature == value,
        "outcome": lambda value: row.outcome == value,
    }
    return all(tests[name](value) for name, value in filters.items())


def test_an_index_that_is_missing_is_made_again(bench):
    before = found(bench, sort="cost")
    with bench.store.begin() as tx:
        for table in (tables.turns, tables.sets, tables.values):
            tx.execute(delete(table))
        tx.execute(delete(reading).where(reading.c.name == "turns"))
    assert found(bench).total == 0
    assert found(bench).behind > 0
    read(bench)
    assert found(bench, sort="cost") == before


def test_a_turn_goes_on_after_it_was_looked_at(tmp_path):
    bench = open_bench(tmp_path)
    steps = turn(tokens=100)
    for part in (steps[:2], steps[2:4], steps[4:], judged(steps, 0.0), judged(steps, 1.0)):
        bench.write(part)
        read(bench)
        assert len(ids(bench)) == 1
    (row,) = found(bench).turns
    assert (row.outcome, row.feedback, row.tokens) == ("answered", 1.0, 110)
    assert ids(bench, outcome="open") == ids(bench, feedback="bad") == []
    assert ids(bench, feedback="good") == [row.id]


def test_what_is_no_turn_is_none(tmp_path):
    bench = open_bench(tmp_path)
    bench.write(turn())
    bench.write(
        [
            Draft(
                new_id("inspection"),
                "inspected",
                None,
                {"turn": ids(bench)[0] if ids(bench) else "turn_1"},
                {"by": "rita"},
            )
        ]
    )
    bench.write([Draft(new_id("incident"), "incident", None, {"event": "opened"}, None)])
    read(bench)
    assert found(bench).total == 1


def test_of_two_replicas_that_read_the_same_one_is_heard(tmp_path):
    bench = open_bench(tmp_path)
    bench.write(turn())
    index = TurnIndex(bench.store)
    with bench.store.begin() as tx:
        index.keep(tx, 0, 6, [])
    with pytest.raises(Conflict), bench.store.begin() as tx:
        index.keep(tx, 0, 6, [])


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        ("burn:up", "{slos: {up: {indicator: availability, target: 0.99}}}"),
        ("burn:quick", "{slos: {quick: {indicator: latency, target: 0.99, within: 5s}}}"),
        ("burn:frugal", "{slos: {frugal: {indicator: cost, target: 0.99, usd: 0.0085}}}"),
        ("anomaly:unsupported", "{}"),
        ("", "{}"),
    ],
)
def test_an_incident_is_about_the_turns_that_its_evidence_says(bench, rule, written):
    operations = bench.operations()
    opened = operations.incidents.open("Something", by="ann", began=bench.clock.now() - timedelta(hours=9))
    with bench.store.begin() as tx:
        tx.execute(update(incidents).where(incidents.c.id == opened.id).values(rule=rule))
    bench.config, before = declared(written), bench.config
    try:
        incident = bench.operations().incidents.one(opened.id)
        bad = departs(rule, bench.config.slos, [], 2.0)
        passed = pass_over(bench.store, incident, bench.clock.now(), bad)
        mine = found(bench, incident=opened.id)
        assert mine.total == passed.affected.count > 0
        assert {each.id for each in mine.turns} == set(passed.affected.turns)
        assert all(opened.id in [each.id for each in bench.operations().incidents_of(row)] for row in mine.turns)
    finally:
        bench.config = before


def test_an_incident_that_there_is_not_is_not_found(bench):
    with pytest.raises(NotFound):
        found(bench, incident="incident_none")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"outcome": "lost"}, "answered, abstained"),
        ({"feedback": "nice"}, "good, bad"),
        ({"sort": "size"}, "newest, cost"),
        ({"since": "soon"}, "24h"),
        ({"since": "999999999999d"}, "24h"),
        ({"denied": "perhaps"}, "denied=1"),
        ({"release": "a b"}, "digest"),
        ({"feature": "x" * 300}, "characters"),
        ({"turn": "a\0b"}, "characters"),
    ],
)
def test_a_filter_that_cannot_be_names_what_can(given, says):
    with pytest.raises(InvalidInput, match=says):
        read_filters(given, NOW)


@pytest.mark.parametrize("after", ["x", "-1", "1.2.3", "5.4", "9" * 30])
def test_a_page_that_cannot_be_is_refused(bench, after):
    with pytest.raises(InvalidInput):
        found(bench, after=after)


def test_words_and_filters_are_one_another():
    given = {"feature": "a", "outcome": "failed", "denied": "1", "since": "7d", "sort": "cost", "unknown": "x"}
    filters = read_filters(given, NOW)
    assert filters.since == NOW - timedelta(days=7)
    assert read_filters(write_filters(filters), NOW) == filters
    assert read_filters({"since": "2026-01-01T00:00:00 00:00"}, NOW).since == datetime(2026, 1, 1, tzinfo=UTC)


@given(st.sets(st.integers(0, BLOCK - 1)) | st.integers(0, BLOCK).map(lambda n: set(range(n))))
def test_a_set_is_kept_as_it_is(offsets):
    wanted = np.zeros(BLOCK, np.bool_)
    wanted[list(offsets)] = True
    assert (flags(packed(wanted)) == wanted).all()


def test_more_turns_than_a_block_are_found(tmp_path):
    bench = open_bench(tmp_path)
    for start in range(0, BLOCK + 200, 500):
        several = [call(feature="even" if n % 2 else "odd", nano_usd=n) for n in range(start, start + 500)]
        bench.write(*several)
    read(bench)
    assert found(bench, feature="even").total == (BLOCK + 200) // 500 * 250 + 250
    dearest = search(bench).find(Filters(feature="odd", sort="cost"), 3)
    assert [each.nano for each in dearest.turns] == sorted(
        (each.nano for each in found(bench, feature="odd", sort="cost").turns), reverse=True
    )[:3]
    assert isinstance(search(bench), TurnSearch)
