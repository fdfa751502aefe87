"""What the scorecard counts of steps: each once, by release and feature, by the hour and the day alone."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.ids import new_id
from aver.evidence import Draft
from aver.ops.book import Book
from aver.ops.reading import EvidenceReader
from aver.ops.scorecard.counting import Part, _place, estimate, part_of
from aver.ops.sums import total
from tests.operations import call, open_bench, turn


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


def counted(bench, prefix, span="cd"):
    EvidenceReader(bench.store, bench.clock).catch_up()
    with bench.store.read() as tx:
        return total(sums for _, name, sums in Book().rows(tx, span, 0) if name.startswith(prefix))


def event(kind, **facts):
    return [Draft(new_id("event"), kind, None, facts)]


def looked_at(**facts):
    return {
        "place": "output",
        "checks": ["personal"],
        "outcomes": ["pass"],
        "modes": ["redact"],
        "failures": [None],
    } | facts


def test_a_turn_counts_for_its_release_and_feature(bench):
    bench.write(
        turn(nano=2_000_000_000, tokens=100),
        turn(supported=1, nano=0, tokens=0),
        turn(abstained=True, claims=0, nano=1_000_000_000, tokens=200),
        turn(feature="desk"),
        turn(more={"shadow_of": "turn_x"}),
        call(release="s" * 16),
    )
    sums = counted(bench, f"card:{'r' * 16}:assistant")
    assert (sums["turns"], sums["ended"], sums["done"]) == (3, 3, 2)
    assert (sums["claiming"], sums["grounded"]) == (2, 1)
    assert (sums["usd"], sums["usd.2"], sums["usd.done"]) == (3.0, 5.0, 2.0)
    assert (sums["asked"], sums["tokens"], sums["asked.done"], sums["tokens.done"]) == (2, 330, 1, 110)
    assert counted(bench, f"card:{'r' * 16}:desk")["turns"] == 1
    assert counted(bench, f"card:{'s' * 16}:gateway")["turns"] == 1
    assert counted(bench, "card:", "ch") == counted(bench, "card:")


def test_nobody_who_looks_every_few_seconds_reads_it(bench):
    bench.write(turn())
    for span in ("s", "m", "h"):
        assert not counted(bench, ("card:", "people:"), span)
        assert counted(bench, "feature:", span)["turns"] == 1
    assert not counted(bench, "feature:")


@pytest.mark.parametrize(
    ("facts", "leaked"),
    [
        ({}, 0),
        ({"outcomes": ["redact"], "kinds": ["US_SSN"]}, 0),
        ({"outcomes": ["flag"], "modes": ["flag"], "kinds": ["US_SSN"]}, 1),
        ({"outcomes": ["pass"], "modes": ["observe"], "kinds": ["US_SSN"]}, 1),
        ({"outcomes": ["pass"], "modes": ["observe"], "kinds": []}, 0),
    ],
)
def test_personal_data_that_is_shown_all_the_same_is_a_leak(bench, facts, leaked):
    bench.write(turn(checked=looked_at(outcome=facts.get("outcomes", ["pass"])[0], **facts)))
    sums = counted(bench, "card:")
    assert (sums["looked"], sums["leaked"]) == (1, leaked)


def test_what_is_checked_elsewhere_is_no_answer(bench):
    bench.write(turn(checked=looked_at(place="input")), turn(checked=looked_at(checks=["secrets"])), turn())
    assert "looked" not in counted(bench, "card:")


def test_tests_surveys_and_documents_are_counted(bench):
    bench.write(
        event("evaluated", release="r" * 64, feature="assistant", questions=50, unanswerable=10, **{"precision.5": 0.5}),
        event("evaluated", release="r" * 64, feature="assistant", questions=30, suite="redteam", injections=20, injection_success=0.1),
        event("surveyed", score=4),
        event("surveyed", score=9),
        event("ingested", added=12, changed=3),
        event("ingested", deleted=2),
        event("deleted", deleted=1),
    )  # fmt: skip
    tests = counted(bench, f"tests:{'r' * 16}:assistant")
    assert (tests["precision.5"], tests["precision.5.n"]) == (20, 40)
    assert (tests["injections"], tests["injected"]) == (20, 2)
    assert counted(bench, "tenant:") == {"survey~4": 1, "documents": 9}


def test_people_are_told_apart_and_counted_once(bench):
    bench.write(*(turn(user=f"user{number % 40}") for number in range(120)))
    assert estimate(counted(bench, "people:")) == pytest.approx(40, rel=0.06)


@settings(max_examples=25)
@given(st.integers(1, 20_000), st.integers(0, 10**6))
def test_an_estimate_of_people_is_within_five_standard_errors(people, seed):
    places = {_place(f"subject_{seed}_{number}") for number in range(people)}
    assert abs(estimate(places) - people) <= max(5 * 1.04 / math.sqrt(1024) * people, 2)


def test_nobody_is_none():
    assert estimate([]) == 0


def test_names_are_taken_apart():
    assert part_of("card:abc:a:b") == Part("card", "abc", "a:b")
    assert part_of("card:other") == Part("card", "other", "")
