"""Passages: exact, disjoint, complete, within a section, and never through a sentence."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.sentences import sentences
from aver.knowledge.chunking import split
from aver.knowledge.draft import Draft
from aver.knowledge.parsing import parse
from aver.knowledge.word_pieces import weigh

TO = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
WORDS = st.sampled_from(
    [
        "leave",
        "notice",
        "Dr.",
        "e.g.",
        "manager's",
        "3.5",
        "days,",
        "carry-over",
        "approves:",
        "(see",
        "p.",
        "4)",
        "Überstunden",
        "日本語。",
        "مرحبا",
        "ends.",
        "Ends!",
        "👋",
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)
BLOCKS = st.one_of(
    st.tuples(st.just("heading"), SENTENCES, st.integers(1, 6)),
    st.tuples(st.just("paragraph"), st.lists(SENTENCES, min_size=1, max_size=8).map(" ".join), st.just(0)),
    st.tuples(st.just("item"), SENTENCES, st.integers(0, 3)),
    st.tuples(st.just("row"), SENTENCES, st.integers(1, 4)),
    st.tuples(st.just("code"), st.lists(SENTENCES, max_size=20).map("\n\n".join), st.just(0)),
    st.tuples(st.just("paragraph"), st.integers(1, 3000).map(lambda length: "x" * length), st.just(0)),
)


@st.composite
def documents(draw):
    draft = Draft()
    draft.title = draw(st.sampled_from(["", "Leave", "leave"]))
    for kind, text, number in draw(st.lists(BLOCKS, max_size=14)):
        if kind == "heading":
            draft.heading(text, number)
        elif kind == "item":
            draft.item(text, depth=number, marker="-")
        elif kind == "row":
            draft.row([text] * number)
        elif kind == "code":
            draft.code(text)
        else:
            draft.paragraph(text)
    return draft.finish("a file")


@settings(max_examples=200, deadline=None)
@given(documents())
def test_passages_are_exact_disjoint_and_complete(document):
    chunks = split(document)
    headings = [block for block in document.blocks if block.kind == "heading"]
    body = [block for block in document.blocks if block.kind != "heading"] or headings
    covered = bytearray(len(document.text))
    end = 0
    for chunk in chunks:
        passage = document.text[chunk.start : chunk.end]
        assert passage
        assert passage == passage.strip()
        assert end <= chunk.start
        end = chunk.end
        covered[chunk.start : chunk.end] = b"\x01" * (chunk.end - chunk.start)
    for block in body:
        for index in range(block.start, block.end):
            assert covered[index] or document.text[index].isspace()
    if body is not headings:
        assert not any(any(covered[heading.start : heading.end]) for heading in headings)


@settings(max_examples=200, deadline=None)
@given(documents())
def test_no_sentence_of_reasonable_length_is_cut(document):
    chunks = split(document)
    starts = [chunk.start for chunk in chunks]
    for block in document.blocks:
        if block.kind in ("heading", "code"):
            continue
        for start, end in sentences(document.text[block.start : block.end]):
            if end - start <= 100:  # characters, so no more word pieces than any passage may have
                chunk = chunks[bisect_right(starts, block.start + start) - 1]
                assert chunk.start <= block.start + start
                assert block.start + end <= chunk.end


@settings(max_examples=200, deadline=None)
@given(documents())
def test_a_passage_is_bounded_and_stands_under_its_own_headings(document):
    path: list[tuple[int, str]] = []
    blocks = iter(document.blocks)
    block = next(blocks, None)
    only_headings = all(each.kind == "heading" for each in document.blocks)
    for chunk in split(document):
        assert len(document.text[chunk.start : chunk.end].split()) <= 240
        while block and block.start < chunk.start and not only_headings:
            if block.kind == "heading":
                path = [entry for entry in path if entry[0] < block.level]
                path.append((block.level, document.text[block.start : block.end]))
            block = next(blocks, None)
        names = [name[:120] for _, name in path]
        if path and path[0][1] == document.title:
            names = names[1:]
        assert chunk.section == TO.join(names)


def passages(markdown):
    document = parse(markdown.encode(), "leave.md")
    return [(chunk.section, document.text[chunk.start : chunk.end]) for chunk in split(document)]


def test_sections_are_paths_without_the_title():
    text = "# Leave\n\nGeneral.\n\n## Carry-over\n\nUntil March.\n\n### Parents\n\nUntil June.\n\n## Sick\n\nCall."
    assert passages(text) == [
        ("", "General."),
        ("Carry-over", "Until March."),
        (f"Carry-over{TO}Parents", "Until June."),
        ("Sick", "Call."),
    ]


def test_a_heading_alone_is_no_passage_but_a_document_of_headings_is():
    assert passages("## Empty\n\n## Full\n\nText.") == [("Full", "Text.")]
    assert passages("# Do not\n\n## open this door") == [("", "Do not\n\nopen this door")]


def test_small_neighbours_under_one_heading_are_one_passage():
    assert passages("## A\n\nOne.\n\n- x\n- y\n\nTwo.") == [("", "One.\n\n- x\n- y\n\nTwo.")]


def test_a_list_keeps_its_lead_in_and_a_long_one_is_cut_between_items():
    filler = "This sentence is here to take some room before the list begins at last. " * 6
    items = "".join(
        f"- Item number {number} is described in a sentence of quite ordinary length.\n" for number in range(30)
    )
    found = [text for _, text in passages(f"{filler}\n\nYou need the following:\n\n{items}")]
    assert len(found) > 2
    lead = next(text for text in found if "You need the following:" in text)
    assert "\n\n- Item number 0" in lead
    for text in found[1:]:
        assert text.startswith(("- Item", "You need"))
        assert text.endswith(("length.", "last."))


def test_a_table_is_cut_between_rows():
    rows = "".join(f"|Grade {number}|{number * 3} days|needs the approval of the manager|\n" for number in range(60))
    for _, text in passages(f"|Grade|Days|Note|\n|-|-|-|\n{rows}"):
        for line in text.split("\n"):
            assert line.count(" | ") == 2


def test_a_huge_unbroken_text_is_cut_all_the_same():
    found = [text for _, text in passages("a" * 50_000)]
    assert "".join(found) == "a" * 50_000
    assert max(map(len, found)) < 2500


def table(rows, header=("Country", "Limit")):
    draft = Draft()
    draft.paragraph("What a trip may cost:")
    draft.row(header, header=True)
    for number in range(rows):
        draft.row((f"Country number {number}", f"{number} euros a night, breakfast included"))
    draft.gap()
    draft.paragraph("Ask before you book.")
    return draft.finish("Travel")


def test_a_row_far_below_the_header_goes_with_it():
    document = table(300)
    chunks = split(document)
    assert chunks[0].header == ""
    assert {chunk.header for chunk in chunks[1:]} == {"Country | Limit"}
    for chunk in chunks[1:]:
        assert document.text[chunk.start :].startswith("Country number")
        assert weigh(f"{chunk.header} {document.text[chunk.start : chunk.end]}") <= 215


def test_a_header_is_not_left_without_its_rows():
    draft = Draft()
    draft.paragraph("Words before the table fill most of a passage. " * 18)
    draft.row(("Country", "Limit"), header=True)
    draft.row(("France", "180 euros"))
    document = draft.finish("Travel")
    assert not any(document.text[: chunk.end].endswith("Limit") for chunk in split(document))


def test_a_wide_header_keeps_its_first_columns():
    names = [f"Column {number}" for number in range(100)]
    chunks = split(table(60, names))
    assert chunks[-1].header.startswith("Column 0 | Column 1 |")
    assert weigh(chunks[-1].header) <= 60
    assert chunks[-1].header.rsplit(" | ", 1)[1] in names
    assert weigh(split(table(60, ["一" * 500, "b"]))[-1].header) <= 60
