"""A stored text read as a page keeps every character of the cited span, in place."""

from hypothesis import given
from hypothesis import strategies as st

from aver.server.console.reading import excerpt

HANDBOOK = """Leave

Up to ten days carry over to the
next year. They lapse in April.

- Ask your manager
  and the board
  - in writing
2. Write it down

Role | Days
Editor | 28

The end"""


def shown(page):
    return [(block.kind, block.mark, block.depth, block.text) for block in page.blocks]


def cited(page):
    return [piece.text for block in page.blocks for piece in block.pieces if piece.cited]


def marked(text, quote):
    start = text.index(quote)
    return excerpt(text, start, start + len(quote), around=500)


def test_blocks_are_recognised_by_their_look():
    assert shown(excerpt(HANDBOOK, 0, 0, around=10_000)) == [
        ("heading", "", 0, "Leave"),
        ("paragraph", "", 0, "Up to ten days carry over to the\nnext year. They lapse in April."),
        ("item", "-", 0, "Ask your manager\n  and the board"),
        ("item", "-", 1, "in writing"),
        ("item", "2.", 0, "Write it down"),
        ("table", "", 0, "Role | Days\nEditor | 28"),
        ("paragraph", "", 0, "The end"),
    ]


def test_the_span_is_marked_exactly():
    quote = "Up to ten days carry over to the\nnext year."
    assert cited(marked(HANDBOOK, quote)) == [quote]


def test_a_list_mark_inside_the_span_is_shown_with_it():
    assert cited(marked(HANDBOOK, "2. Write it down")) == ["2. Write it down"]


def test_a_cited_row_is_marked_cell_by_cell_with_its_separators():
    (table,) = [block for block in marked(HANDBOOK, "Editor | 28").blocks if block.kind == "table"]
    assert [[[(p.text, p.cited) for p in cell] for cell in row] for row in table.rows] == [
        [[("Role | ", False)], [("Days", False)]],
        [[("Editor | ", True)], [("28", True)]],
    ]


def test_an_excerpt_is_cut_at_paragraphs_and_says_how_much_is_left():
    text = "\n\n".join(f"Paragraph {n} of many words." for n in range(1000))
    start = text.index("Paragraph 500")
    page = excerpt(text, start, start + 13, around=200)
    assert all(block.text.startswith("Paragraph") and block.text.endswith("words.") for block in page.blocks)
    assert 0 < page.start < start < page.end < page.total == len(text)


texts = st.text(st.sampled_from("ab -|\n. 1)é語"), max_size=300)
between_blocks = str.maketrans("", "", " \t\r\n")


@given(texts, st.integers(-5, 305), st.integers(-5, 305), st.integers(1, 120))
def test_every_character_of_the_span_is_shown_once_and_in_order(text, start, end, around):
    page = excerpt(text, start, end, around=around)
    low = min(max(start, 0), len(text))
    quote = text[low : min(max(end, low), len(text), low + 4 * around)]
    assert "".join(cited(page)).translate(between_blocks) == quote.translate(between_blocks)


@given(texts, st.integers(0, 300), st.integers(0, 300))
def test_blocks_are_slices_in_order_and_cells_add_up_to_their_rows(text, start, end):
    position = 0
    for block in excerpt(text, start, end, around=1_000).blocks:
        position = text.index(block.text, position) + len(block.text)
        rows = ["".join(piece.text for cell in row for piece in cell) for row in block.rows]
        assert not rows or "\n".join(rows) == block.text
