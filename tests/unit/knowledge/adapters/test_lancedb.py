"""The index shows exactly the version asked for, and exactly the reader sets named."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aver.core.errors import Unavailable
from aver.knowledge.adapters import lancedb_writer
from aver.knowledge.adapters.lancedb import LanceIndex, _predicate
from aver.knowledge.adapters.lancedb_writer import LanceWriter
from aver.knowledge.index import CANDIDATES, Place, Row, packed, unpacked

DIMENSION = 16


def _rows(documents: range, acl: int = 1) -> list[Row]:
    return [
        Row(Place(f"doc_{number}", 1, 0, 10, "A section: of it"), acl, f"word{number % 7} common")
        for number in documents
    ]


def _vectors(documents: range) -> np.ndarray:
    vectors = np.stack([np.random.default_rng(number).standard_normal(DIMENSION) for number in documents])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def index(tmp_path):
    opened = LanceIndex(tmp_path / "index")
    yield opened
    opened.close()


@pytest.fixture
def writer(index):
    made = LanceWriter(index, 1, DIMENSION)
    made.begin(None)
    return made


def _found(index, version, acls, number=0, terms=("common",)) -> set[str]:
    vector = _vectors(range(number, number + 1))[0]
    found = index.search(version, acls, 1000, vector, dict.fromkeys(terms, 1.0))
    assert len(found.places) == len(found.terms) == len(found.vectors) == len(set(found.places))
    return {place.document for place in found.places}


@given(st.frozensets(st.integers(0, 60)))
def test_the_filter_admits_exactly_these_reader_sets(acls):
    database = sqlite3.connect(":memory:")
    query = f"WITH RECURSIVE n(acl) AS (SELECT 0 UNION ALL SELECT acl + 1 FROM n WHERE acl < 60) SELECT acl FROM n WHERE {_predicate(list(acls))}"
    assert {acl for (acl,) in database.execute(query)} == acls
    database.close()


def test_a_version_shows_what_it_held_and_nothing_later(index, writer):
    writer.add(_rows(range(3)), _vectors(range(3)))
    first = writer.version
    writer.remove(["doc_1"])
    writer.add(_rows(range(3, 5)), _vectors(range(3, 5)))
    assert _found(index, first, [1]) == {"doc_0", "doc_1", "doc_2"}
    assert _found(index, writer.version, [1]) == {"doc_0", "doc_2", "doc_3", "doc_4"}


def test_what_came_after_the_current_version_is_dropped(index, writer):
    writer.add(_rows(range(3)), _vectors(range(3)))
    current = writer.version
    writer.add(_rows(range(3, 6)), _vectors(range(3, 6)))
    writer.remove(["doc_0"])
    again = LanceWriter(index, 1, DIMENSION)
    again.begin(current.number)
    again.add(_rows(range(9, 10)), _vectors(range(9, 10)))
    assert _found(index, again.version, [1]) == {"doc_0", "doc_1", "doc_2", "doc_9"}


def test_a_version_that_was_replaced_is_unavailable_and_the_new_one_complete(index, writer):
    writer.add(_rows(range(50)), _vectors(range(50)))
    old = writer.version
    assert len(_found(index, old, [1])) == 50
    writer.remove([f"doc_{number}" for number in range(10)])
    writer.tidy()
    new = writer.version
    writer.prune()
    assert writer.version == new
    assert len(_found(index, new, [1])) == 40
    with pytest.raises(Unavailable):
        _found(LanceIndex(index.directory), old, [1])


@pytest.mark.parametrize("large", [False, True])
def test_every_visible_match_is_proposed_however_few_are_visible(index, writer, monkeypatch, large):
    """Also when vectors are indexed, and when some rows are newer than the index."""
    if large:
        monkeypatch.setattr(lancedb_writer, "SMALLEST_VECTOR_INDEX", 300)
    monkeypatch.setattr(lancedb_writer, "ROWS_A_PARTITION", 64)
    writer.add(_rows(range(1000), acl=1), _vectors(range(1000)))
    writer.add(_rows(range(1000, 1040), acl=7), _vectors(range(1000, 1040)))
    writer.tidy()
    writer.add(_rows(range(1040, 1050), acl=7), _vectors(range(1040, 1050)))
    expected = {f"doc_{number}" for number in range(1000, 1050)}
    assert _found(index, writer.version, [7], terms=()) == expected
    assert _found(index, writer.version, [7], terms=("word3",)) == expected
    assert _found(index, writer.version, [8]) == set()
    assert len(_found(index, writer.version, [1])) >= CANDIDATES


def test_who_sees_every_row_is_proposed_what_a_filter_would_admit(index, writer):
    writer.add(_rows(range(300)), _vectors(range(300)))
    vector, terms = _vectors(range(1))[0], {"common": 1.0, "word3": 2.0}
    every, filtered = (index.search(writer.version, [1], visible, vector, terms, 20) for visible in (300, 299))
    assert sorted(every.places) == sorted(filtered.places)
    some = index.search(writer.version, [1], 300, vector, terms, 20, ["doc_3", "doc_5"])
    assert {place.document for place in some.places} == {"doc_3", "doc_5"}


def test_moved_passages_are_under_their_new_reader_set_alone(index, writer):
    writer.add(_rows(range(4)), _vectors(range(4)))
    writer.move(["doc_1", "doc_2"], 5)
    assert _found(index, writer.version, [1]) == {"doc_0", "doc_3"}
    assert _found(index, writer.version, [5]) == {"doc_1", "doc_2"}


def test_many_additions_are_indexed_while_they_come(index, writer, monkeypatch):
    monkeypatch.setattr(lancedb_writer, "_UNINDEXED", 20)
    for start in range(0, 200, 10):
        writer.add(_rows(range(start, start + 10)), _vectors(range(start, start + 10)))
        writer.keep_up()
    waiting = index.run(_waiting(index, writer.version))
    assert waiting <= 60
    assert len(_found(index, writer.version, [1])) >= CANDIDATES


async def _waiting(index, version) -> int:
    table = await index.at(version)
    return max(each.num_unindexed_rows for each in await table.list_indices())


@given(
    section=st.text(max_size=20),
    version=st.integers(1, 10**6),
    start=st.integers(0, 10**6),
    terms=st.lists(st.sampled_from(["leave", "東京", "err-1234", "1"]), max_size=4).map(" ".join),
    vector=arrays(np.float32, DIMENSION, elements=st.floats(-1, 1, width=32)),
)
def test_a_passage_is_read_as_it_was_written(section, version, start, terms, vector):
    place = Place("doc_a", version, start, start + 5, section)
    assert Place.parse(str(place)) == place
    read = unpacked(packed(place, terms, vector), DIMENSION)
    assert read[:2] == (place, terms)
    assert (read[2] == vector).all()


def test_what_holds_every_term_is_found_and_nothing_else(index, writer):
    writer.add(_rows(range(40)), _vectors(range(40)))
    version = writer.version
    for indexed in (False, True):
        if indexed:
            writer.tidy()
            version = writer.version
        found = index.holding(version, [1], ["word3", "common"])
        assert {place.document for place in found.places} == {f"doc_{n}" for n in range(40) if n % 7 == 3}
        assert index.holding(version, [2], ["common"]).places == []
        assert index.holding(version, [1], ["word3", "word4"]).places == []
        assert len(index.holding(version, [1], ["common"], 5).places) == 5


def test_a_search_within_documents_stays_within_them(index, writer):
    writer.add(_rows(range(20)), _vectors(range(20)))
    version, vector = writer.version, _vectors(range(1))[0]
    some = ["doc_3", "doc_4"]
    found = index.search(version, [1], 20, vector, {"common": 1.0}, 100, some)
    assert {place.document for place in found.places} == set(some)
    assert {place.document for place in index.holding(version, [1], ["common"], 100, some).places} == set(some)
    assert index.search(version, [2], 20, vector, {"common": 1.0}, 100, some).places == []
    assert index.search(version, [1], 20, vector, {"common": 1.0}, 100, []).places == []
