"""Identifiers and quoted phrases: recognised, and found to the letter whatever the scores say."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.knowledge.exact import MOST_EXACT, exacts
from aver.knowledge.lexical import analyze
from tests.knowledge import MemorySource, World, access, open_world

NOISE = [
    "card",
    "reader",
    "error",
    "code",
    "ticket",
    "version",
    "file",
    "order",
    "policy",
    "leave",
    "report",
    "a",
    "1",
    "2",
    "3",
    "10",
    "app",
    "py",
    "conf",
    "max",
    "limit",
]
IDENTIFIERS = st.one_of(
    st.from_regex(r"[A-Z]{2,5}-\d{2,6}", fullmatch=True),
    st.from_regex(r"E\d{4}", fullmatch=True),
    st.from_regex(r"#[1-9]\d{3,6}", fullmatch=True),
    st.from_regex(r"v?\d{1,2}\.\d{1,2}\.\d{1,3}", fullmatch=True),
    st.from_regex(r"[a-z]{3,8}_[a-z]{3,8}\.(py|md|conf)", fullmatch=True),
    st.from_regex(r"[a-z]{3,8}\.[a-z]{3,8}@[a-z]{4,8}\.com", fullmatch=True),
    st.from_regex(r"[1-9]\d{7,12}", fullmatch=True),
    st.from_regex(r"[A-Z]{3}\d{2}-[A-Z]\d/[A-Z]{2}", fullmatch=True),
)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory) -> World:
    """Four hundred passages of words and figures that identifiers are made of."""
    opened = open_world(tmp_path_factory.mktemp("crowd") / "data")
    draw = random.Random(3)
    opened.ingest({f"p{n}.txt": " ".join(draw.choices(NOISE, k=30)) + "." for n in range(400)})
    return opened


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("What does ERR-1042 mean?", ["ERR-1042"]),
        ("err-1042 in foo_bar.py at 10.0.3", ["err-1042", "foo_bar.py", "10.0.3"]),
        ('the "force majeure" clause and \u201cto be or not\u201d', ["force majeure", "to be or not"]),
        ("C++ and #4711", ["C++", "#4711"]),
        ("E1042, v2.1 or ann@example.com?", ["E1042", "v2.1", "ann@example.com"]),
        ("a well-known 10-year rule and/or 5mg in 2024, e.g. 5.5% in the U.S.", []),
        ('"" or "a" b', []),
    ],
)
def test_what_names_something_is_told_from_words_and_figures(query, found):
    assert [each.text for each in exacts(query)] == found


@given(st.text(max_size=200))
def test_any_text_is_read_and_what_is_found_stands_in_it(text):
    found = exacts(text)
    assert len(found) <= MOST_EXACT
    for each in found:
        assert each.stands_in(text)
        assert set(each.terms) <= {*analyze(text.casefold())}


@pytest.mark.parametrize(
    ("query", "text", "stands"),
    [
        ("E1042", "error e1042.", True),
        ("E1042", "error E10425", False),
        ("#4711", "ticket 4711", False),
        ("ABC-123", "ABC-123-X", True),
        ('"force  majeure"', "a Force\nMajeure event", True),
        ('"force majeure"', "a majeure force", False),
        ("C++", "in C++14", True),
    ],
)
def test_it_stands_in_a_text_to_the_letter(query, text, stands):
    (only,) = exacts(query)
    assert only.stands_in(text) == stands


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(identifier=IDENTIFIERS, quoted=st.booleans(), asked=st.lists(st.sampled_from(NOISE), max_size=12))
def test_a_planted_identifier_comes_first(crowd, identifier, quoted, asked):
    planted = f"Nothing alike: {identifier} was chosen."
    crowd.knowledge.ingest(_one(planted))
    query = " ".join([*asked, f'"{identifier} was"' if quoted else identifier])
    hits = crowd.knowledge.search(crowd.user("ada"), query, 3)
    assert identifier in hits[0].text


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(identifier=IDENTIFIERS)
def test_one_that_may_not_be_read_changes_nothing(crowd, identifier):
    query = f"order report {identifier}"
    crowd.knowledge.ingest(_one("Nothing."), access({"planted.txt": ["user:bob"]}))
    before = crowd.knowledge.search(crowd.user("ada"), query, 20)
    crowd.knowledge.ingest(_one(f"It is {identifier}."), access({"planted.txt": ["user:bob"]}))
    assert crowd.knowledge.search(crowd.user("ada"), query, 20) == before
    assert identifier in crowd.knowledge.search(crowd.user("bob"), query, 1)[0].text


def test_a_frequent_identifier_puts_its_best_passage_first_and_the_rest_by_score(tmp_path):
    opened = open_world(tmp_path / "data")
    pages = {f"p{n}.md": f"# Page {n}\n\nCOVID-19 and travel number {n}." for n in range(30)}
    opened.ingest(pages | {"leave.md": "# Leave\n\nLeave in the pandemic: leave policy, sick leave, leave days."})
    hits = opened.knowledge.search(opened.user("ada"), "COVID-19 pandemic leave policy sick leave days", 10)
    assert "COVID-19" in hits[0].text
    assert hits[1].title == "Leave"


def _one(text: str) -> MemorySource:
    return MemorySource({"planted.txt": text}, name="planted")


@given(
    st.text(max_size=30),
    st.one_of(IDENTIFIERS, st.from_regex(r'"[A-Za-z.\-/_ ]{3,40}"', fullmatch=True), st.text(max_size=30)),
    st.text(max_size=30),
    st.booleans(),
)
def test_a_passage_is_never_passed_over_that_holds_it_to_the_letter(before, query, after, upper):
    for each in exacts(query):
        text = f"{before}{each.text.upper() if upper else each.text}{after}"
        if each.stands_in(text):
            assert each.may_stand_in(" ".join(analyze(text)))


def test_words_that_stand_apart_are_not_looked_at():
    (identifier,) = exacts("TCR/CD3")
    assert identifier.may_stand_in("anti-tcr/cd3 anti-tcr anti tcr cd3 wane")
    assert not identifier.may_stand_in("cd3 tcr wane")
    assert not identifier.may_stand_in("tcr one two three four five six seven eight cd3")
