"""Search: the right passage first, from any input, and nothing that was taken away a moment ago."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from aver.core.errors import InvalidInput, NotFound, TooLarge
from aver.knowledge.adapters.lancedb import LanceIndex
from aver.knowledge.search import LONGEST_QUERY, MOST_HITS
from aver.knowledge.store import documents
from tests.knowledge import World, access, open_world

PAGES = {
    "leave.md": "# Leave\n\n## Days\n\nEmployees have thirty days of leave a year.\n\n## Carry over\n\nFive days carry over.",
    "errors.md": "# Errors\n\nERR-1234 means the card reader is off. Write to help@example.com, see reader_v2.3.txt.",
    "travel.md": "# Travel\n\nBook trains with the travel card, and planes with the agency.",
    "tokyo.md": "# 東京\n\n東京都の事務所は新宿にあります。",
}


@pytest.fixture
def acme(tmp_path) -> World:
    opened = open_world(tmp_path / "data")
    opened.ingest(PAGES)
    return opened


@pytest.fixture
def ada(acme):
    return acme.user("ada")


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("How many days of leave do I have?", "Leave"),
        ("err-1234", "Errors"),
        ("help@example.com", "Errors"),
        ("reader_v2.3.txt", "Errors"),
        ("train booking", "Travel"),
        ("東京都", "東京"),
        ("LEAVE", "Leave"),
    ],
)
def test_the_right_passage_comes_first(acme, ada, query, title):
    assert acme.titles(ada, query)[0] == title


def test_a_hit_is_an_exact_span_of_its_document(acme, ada):
    for hit in acme.knowledge.search(ada, "days carry over 東京", 20):
        document = acme.knowledge.document(ada, hit.document, hit.version)
        assert document.text[hit.start : hit.end] == hit.text
        assert 0 <= hit.score <= 1
        assert -1 <= hit.cosine <= 1 + 1e-6
    sections = {hit.section for hit in acme.knowledge.search(ada, "days carry over", 20) if hit.title == "Leave"}
    assert sections == {"Days", "Carry over"}


@pytest.mark.parametrize("query", ["", " \n\t", "\u200b"])
def test_a_query_of_nothing_or_of_stop_words_is_no_error(acme, ada, query):
    acme.knowledge.search(ada, query)
    assert acme.knowledge.search(ada, "the of and")


@pytest.mark.parametrize(
    "query",
    [
        "'; DROP TABLE documents; --",
        '") OR acl IN (1,2,3',
        'leave AND NOT (travel OR *) ^2 ~3 +card -leave "days of" field:value',
        "%_\\",
        "\x00\ud800\uffff",
        "leave " * 1600,
        "🙂" * 100,
        "a" * LONGEST_QUERY,
    ],
)
def test_no_query_breaks_the_search(acme, ada, query):
    acme.knowledge.search(ada, query)
    assert acme.knowledge.check() == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=80), limit=st.integers(1, MOST_HITS))
def test_any_text_is_a_query_whose_answer_is_in_order(acme, ada, query, limit):
    hits = acme.knowledge.search(ada, query, limit)
    assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.document, hit.start))
    assert len(hits) <= limit
    assert hits == acme.knowledge.search(ada, query, MOST_HITS)[:limit]


def test_a_query_that_is_too_long_and_a_limit_out_of_bounds_are_refused(acme, ada):
    with pytest.raises(TooLarge):
        acme.knowledge.search(ada, "a" * (LONGEST_QUERY + 1))
    for limit in (0, -1, MOST_HITS + 1):
        with pytest.raises(InvalidInput):
            acme.knowledge.search(ada, "leave", limit)


def test_a_tenant_without_documents_answers_with_nothing(tmp_path):
    empty = open_world(tmp_path / "empty")
    assert empty.knowledge.search(empty.user("ada"), "leave") == []
    assert empty.knowledge.documents(empty.user("ada")) == []
    assert empty.knowledge.check() == []


@pytest.mark.parametrize("change", [{"acl": None}, {"version": 2}])
def test_what_was_taken_away_while_the_index_was_read_is_not_shown(acme, ada, monkeypatch, change):
    proposed = LanceIndex.search

    def then_change(self, *arguments):
        found = proposed(self, *arguments)
        with acme.store.begin() as tx:
            tx.execute(update(documents).where(documents.c.title == "Leave").values(change))
        return found

    monkeypatch.setattr(LanceIndex, "search", then_change)
    titles = acme.titles(ada, "days of leave")
    assert "Leave" not in titles
    assert titles


def test_deleted_by_hand_is_gone_everywhere_for_everyone(acme, ada):
    (leave,) = [document for document in acme.knowledge.documents(ada) if document.title == "Leave"]
    acme.knowledge.delete(ada, leave.id)
    assert "Leave" not in acme.titles(acme.user("bob"), "days of leave", 20)
    assert acme.knowledge.readable(ada, [(leave.id, 1)]) == frozenset()
    for attempt in (acme.knowledge.document, acme.knowledge.delete):
        with pytest.raises(NotFound):
            attempt(ada, leave.id)
    assert acme.knowledge.check() == []
    assert acme.ledger.verify().ok
    assert acme.ingest(PAGES).added == 1


def test_readable_names_exactly_the_versions_that_are_there(acme, ada):
    acme.ingest(PAGES | {"leave.md": PAGES["leave.md"] + " Ten."}, access({"leave.md": ["user:ada"]}))
    (leave,) = acme.knowledge.documents(ada)
    pairs = [(leave.id, 1), (leave.id, 2), (leave.id, 3), ("doc_nowhere", 1)]
    assert acme.knowledge.readable(ada, pairs) == {(leave.id, 1), (leave.id, 2)}
    assert acme.knowledge.readable(acme.user("bob"), pairs) == frozenset()
    assert acme.knowledge.readable(ada, []) == frozenset()


def test_another_process_sees_a_change_with_its_next_search(acme, ada, tmp_path):
    other = open_world(tmp_path / "data")
    assert "Leave" in other.titles(ada, "days of leave")
    acme.ingest({"new.md": "# New\n\nForty days of leave."})
    assert other.titles(ada, "days of leave") == ["New"]
