"""Passages with what stands around them: within a budget, never overlapping, exact to the character."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aver.core import Principal
from aver.core.errors import NotFound
from aver.knowledge.retrieval import expanded
from aver.knowledge.types import DocumentText, Hit
from tests.knowledge import open_world

ADA = Principal("acme", "ada")
TEXT = "\n\n".join(f"Paragraph {n} says what it says." for n in range(12))


class Shelf:
    def document(self, principal: Principal, document: str, version: int | None = None) -> DocumentText:
        if document != "doc":
            raise NotFound("There is no such document", "Look elsewhere.")
        return DocumentText(document, version or 1, "Doc", "", TEXT)


def passage(number: int, document: str = "doc") -> Hit:
    start = TEXT.index(f"Paragraph {number} ")
    end = TEXT.find("\n\n", start) if number < 11 else len(TEXT)
    return Hit(f"{document}.1.{start}", document, 1, start, end, "Doc", "", "", TEXT[start:end], 0.5, 1.0, 0.5)


@given(st.lists(st.integers(0, 11), min_size=1, max_size=5, unique=True), st.integers(0, 200))
def test_spans_stay_exact_apart_and_within_the_budget(numbers, budget):
    hits = [passage(number) for number in numbers]
    found = expanded(hits, Shelf(), ADA, budget)
    for each in found:
        assert each.text == TEXT[each.start : each.end]
    places = sorted((each.start, each.end) for each in found)
    assert all(one[1] <= other[0] for one, other in pairwise(places))
    for hit in hits:
        assert any(each.start <= hit.start and hit.end <= each.end for each in found)
    assert sum(end - start for start, end in places) <= max(budget * 4, sum(hit.end - hit.start for hit in hits))


def test_whole_paragraphs_are_added_on_both_sides():
    (found,) = expanded([passage(5)], Shelf(), ADA, 25)
    assert found.text.startswith("Paragraph 4 ")
    assert found.text.endswith("Paragraph 6 says what it says.")


def test_what_cannot_be_read_any_more_stays_as_it_was_found():
    assert expanded([passage(5, "gone")], Shelf(), ADA, 1000) == [passage(5, "gone")]


def test_several_queries_are_searched_as_one(tmp_path):
    opened = open_world(tmp_path / "data")
    pages = {"a.md": "# Leave\n\nLeave is thirty days.", "b.md": "# Notice\n\nNotice is four weeks."}
    opened.ingest({**pages, "c.md": "# Copy\n\nLeave is thirty days."})
    ada = opened.user("ada")
    found = opened.knowledge.find(ada, ["leave and notice", "leave days", "notice weeks"], 8)
    assert {"Notice is four weeks.", "Leave is thirty days."} == {hit.text for hit in found}
    assert [len(hit.also) for hit in found if hit.text.startswith("Leave")] == [1]
    assert len(opened.knowledge.find(ada, ["leave"], 1)) == 1
