"""Where blocks stand: kept with the text, and found again for a citation's span."""

from __future__ import annotations

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.knowledge.draft import Draft
from aver.knowledge.layout import Spot, dump_layout, load_layout, spots
from tests.knowledge import open_world


@pytest.fixture
def acme(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def ada(acme):
    return acme.user("ada")


LEFT, RIGHT = (0.1, 0.1, 0.45, 0.9), (0.55, 0.1, 0.9, 0.4)


def two_columns():
    draft = Draft()
    draft.at(3, (0.1, 0.02, 0.9, 0.08))
    draft.heading("Leave", 1)
    draft.at(3, LEFT)
    draft.paragraph("Everyone has thirty days of paid")
    draft.at(3, RIGHT)
    draft.more("leave a year.")
    draft.caption("Figure 1: Days by year")
    return draft.finish("x")


def test_a_paragraph_that_goes_on_elsewhere_is_one_text_in_two_places():
    document = two_columns()
    assert document.text == "Leave\n\nEveryone has thirty days of paid leave a year.\n\nFigure 1: Days by year"
    assert [(block.kind, block.page, block.box) for block in document.blocks[1:]] == [
        ("paragraph", 3, LEFT),
        ("paragraph", 3, RIGHT),
        ("caption", 3, RIGHT),
    ]


def test_a_layout_comes_back_as_it_was_and_is_small():
    document = two_columns()
    stored = dump_layout(document.blocks)
    assert load_layout(stored) == document.blocks
    assert stored.startswith("[[0,0,5,1,3,[0.1,0.02,0.9,0.08]],")


@pytest.mark.parametrize("broken", ["", "{}x", "7", "[[9,0,1]]", "[[0]]", "[[0,0,1,0,1,[1,2]]]", '[["a",0,1]]'])
def test_what_is_no_layout_is_refused(broken):
    with pytest.raises(ValueError, match="no layout"):
        load_layout(broken)


def test_a_span_is_found_on_its_page_and_across_columns():
    document = two_columns()
    start = document.text.index("paid leave")
    found = spots(document.blocks, start, start + len("paid leave"))
    assert found == (Spot(start, start + 4, 3, LEFT, ""), Spot(start + 5, start + 10, 3, RIGHT, ""))
    assert spots(document.blocks, 0, len(document.text))[2].end == len(document.text)
    assert spots(document.blocks, start, start) == ()


def test_a_document_shows_its_blocks_and_a_citation_its_place(acme, ada):
    acme.ingest({"leave.html": "<html><h2 id=days>Leave</h2><p>Thirty days of leave.</p></html>"})
    document = acme.knowledge.documents(ada)[0].id
    assert acme.knowledge.document(ada, document).blocks == ()
    whole = acme.knowledge.document(ada, document, blocks=True)
    assert [(block.kind, block.anchor) for block in whole.blocks] == [("heading", "days"), ("paragraph", "days")]
    start = whole.text.index("Thirty")
    assert acme.knowledge.locate(ada, document, 1, start, start + 6) == (Spot(start, start + 6, 0, None, "days"),)
    with pytest.raises(InvalidInput, match="no span"):
        acme.knowledge.locate(ada, document, 1, start, 1000)
    bob = acme.user("bob")
    acme.knowledge.delete(ada, document)
    with pytest.raises(NotFound):
        acme.knowledge.locate(bob, document, 1, start, start + 6)
