"""PDF: lines become paragraphs, headings and lists again; what cannot be read says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aver.core.errors import InvalidInput
from aver.knowledge.parsing import parse
from aver.knowledge.tables import units
from tests.unit.knowledge.adapters.building import pdf

LONG = [
    "Every member of staff may take annual leave after three months of",
    "service, and the man-",
    "ager approves it. Unused days lapse in March unless the well-",
    "known exception for parents applies to the person concerned here.",
]


def lines(texts, *, top=700.0, left=72.0, size=11.0, step=13.0):
    return [(left, top - step * row, size, text) for row, text in enumerate(texts)]


def read(*pages, **options):
    return parse(pdf(pages, **options), "leave-policy.pdf")


def test_wrapped_lines_are_joined_and_divided_words_made_whole():
    other = lines(["A well-known exception is written with its hyphen here as well."], top=600)
    document = read(lines(LONG) + other)
    first, second = document.text.split("\n\n")
    assert first == (
        "Every member of staff may take annual leave after three months of service, and the manager approves it. Unused days "
        "lapse in March unless the well-known exception for parents applies to the person concerned here."
    )
    assert second == other[0][3]


def test_larger_short_lines_are_headings_and_title_the_document():
    document = read([*lines(["Annual leave"], top=740, size=18), *lines(LONG)])
    assert document.title == "Annual leave"
    assert [(block.kind, block.level) for block in document.blocks] == [("heading", 1), ("paragraph", 0)]


def test_the_files_own_title_comes_first_unless_a_program_made_it_up():
    assert read(lines(LONG), title="Leave policy 2025").title == "Leave policy 2025"
    assert read(lines(LONG), title="Microsoft Word - leave_v2.doc").title == "Leave policy"


def test_bullets_and_numbers_become_items():
    document = read(
        lines(["You need:", "- a form that runs on over the end of its first line and", "therefore wraps", "- a pen"])
    )
    assert "- a form that runs on over the end of its first line and therefore wraps\n- a pen" in document.text
    assert "1. sign\n2. send" in read(lines(["1. sign", "2. send"])).text


def test_a_sentence_continues_over_pages_and_furniture_goes():
    halves = [
        "The first half of a sentence that does not end on this page but",
        "continues on the next page without a break.",
    ]
    pages = []
    for number, half in enumerate([*halves, "Another paragraph stands alone here."], 1):
        pages.append([(72, 760, 9, "Acme handbook"), *lines([half]), (300, 30, 9, str(number))])
    document = read(*pages)
    assert "Acme handbook" not in document.text
    assert document.text.startswith(" ".join(halves))


def test_an_encrypted_file_is_read_with_its_password_and_says_so_without():
    data = pdf([lines(LONG)], password="open sesame")
    with pytest.raises(InvalidInput, match=r"is encrypted.*--password-file"):
        parse(data, "x.pdf")
    with pytest.raises(InvalidInput, match="none of the passwords"):
        parse(data, "x.pdf", ["wrong", "also wrong"])
    assert parse(data, "x.pdf", ["wrong", "open sesame"]).text == read(lines(LONG)).text


@pytest.mark.parametrize("damage", [lambda data: b"%PDF-1.7 and nothing else", lambda data: data[:200]])
def test_a_damaged_file_says_so(damage):
    with pytest.raises(InvalidInput, match="damaged"):
        parse(damage(pdf([lines(LONG)])), "x.pdf")


def test_an_empty_page_says_that_it_holds_no_text():
    with pytest.raises(InvalidInput, match="no text"):
        read([])


LEFT = [
    "The left column tells what leave is",
    "and who may take it, in sentences",
    "that run over the ends of their",
    "lines until the column is full and",
    "goes on at the top of the",
]
RIGHT = [
    "right column, where the same words",
    "go on. Nobody would want to read",
    "them across, line by line, for that",
    "makes no sense at all, as anyone",
    "can see who tries it once.",
]
FLOW = " ".join(LEFT + RIGHT)


def test_columns_are_read_one_after_the_other():
    title = [(72, 740, 20, "Leave in two columns")]
    left, right = lines(LEFT), lines(RIGHT, left=320)
    assert read(title + left + right).text == f"Leave in two columns\n\n{FLOW}"


def test_columns_that_the_file_writes_across_are_read_one_after_the_other_too():
    across = [line for pair in zip(lines(LEFT), lines(RIGHT, left=320), strict=True) for line in pair]
    document = read(across)
    assert document.text == FLOW
    first, second = document.blocks
    assert first.box[2] < 0.5 < second.box[0]
    assert (first.page, second.page) == (1, 1)


def test_a_page_written_from_the_bottom_up_is_read_from_the_top():
    paragraphs = [(72, 700 - 40 * at, 11, f"Paragraph number {at} says something of its own.") for at in range(8)]
    assert read(paragraphs[::-1]).text == read(paragraphs).text


TABLE = [
    ("Country", "Limit", "Notice"),
    ("France", "180", "two weeks"),
    ("Spain", "150", "a month"),
    ("Italy", "165", "none"),
]


def cells(rows, *, lefts=(72, 220, 330), top=600.0, step=20.0):
    return [
        (left, top - step * at, 11, text) for at, row in enumerate(rows) for left, text in zip(lefts, row, strict=True)
    ]


def table_of(document):
    return [unit for unit in units(document.blocks) if unit[0].kind == "table"]


def test_a_table_without_rules_keeps_rows_and_columns():
    document = read([*lines(LONG), *cells(TABLE)])
    (table,) = table_of(document)
    text = document.text[table[0].start : table[-1].end]
    assert text == "Country | Limit | Notice\nFrance | 180 | two weeks\nSpain | 150 | a month\nItaly | 165 | none"
    assert [block.header for block in table] == [True, False, False, False]
    tops = [block.box[1] for block in table]
    assert tops == sorted(tops)
    assert all(block.page == 1 for block in table)


def test_a_cell_of_two_lines_stays_one_cell_and_names_of_two_lines_one_row():
    rows = cells(TABLE[1:], step=30)
    more = [(330, 600 - 12, 11, "at the least")]
    names = [(220, 642, 11, "Limit a"), (220, 630, 11, "night"), (330, 642, 11, "Notice")]
    document = read([*lines(LONG), *names, *rows[:3], *more, *rows[3:]])
    (table,) = table_of(document)
    text = document.text[table[0].start : table[-1].end]
    assert text.split("\n")[:2] == ["| Limit a night | Notice", "France | 180 | two weeks at the least"]
    assert table[0].header


def test_a_table_between_rules_keeps_cells_of_several_lines():
    grid = " ".join(f"{x} 500 m {x} 620 l S" for x in (70, 200, 400))
    grid += " " + " ".join(f"70 {y} m 400 {y} l S" for y in (500, 560, 600, 620))
    shown = [
        *[(75, 605, 11, "Duty"), (205, 605, 11, "Who does it")],
        *[
            (75, 585, 11, "Opening the"),
            (75, 570, 11, "doors"),
            (205, 585, 11, "The first to come"),
            (205, 570, 11, "in the morning"),
        ],
        *[(75, 545, 11, "Closing"), (205, 545, 11, "The last to go")],
    ]
    document = read([*shown, *lines(LONG, top=400)], drawing=grid + "\n")
    (table,) = table_of(document)
    text = document.text[table[0].start : table[-1].end]
    assert text == "Duty | Who does it\nOpening the doors | The first to come in the morning\nClosing | The last to go"


def test_a_frame_around_text_is_no_table():
    frame = "60 300 480 420 re S 60 500 m 540 500 l S\n"
    assert table_of(read(lines(LONG), drawing=frame)) == []


def test_justified_lines_are_no_table():
    wide = [f"word{at}   {'x' * (at % 3)} some words   and more of them {at}" for at in range(6)]
    assert table_of(read(lines(wide))) == []


def test_captions_are_told_from_paragraphs():
    document = read([*lines(["Figure 3: Days of leave by year"]), *lines(LONG, top=600)])
    assert [block.kind for block in document.blocks] == ["caption", "paragraph"]


def test_the_places_of_a_turned_page_are_those_of_the_page_as_shown():
    upright = read([*lines(["Annual leave"], top=740, size=18), *lines(LONG)])
    turned = read([*lines(["Annual leave"], top=740, size=18), *lines(LONG)], turned=90)
    left, top, right, bottom = upright.blocks[0].box
    assert turned.text == upright.text
    assert turned.blocks[0].box == pytest.approx((1 - bottom, left, 1 - top, right), abs=0.01)


@pytest.mark.parametrize(
    ("turned", "matrix"), [(90, "0 1 -1 0 {y} {x}"), (180, "-1 0 0 -1 {right} {top}"), (270, "0 -1 1 0 {up} {across}")]
)
def test_text_that_is_turned_in_the_file_and_back_again_reads_as_shown(turned, matrix):
    wide = turned in (90, 270)
    shown = "".join(
        f"BT /F {size} Tf "
        + matrix.format(x=x, y=612 - y if wide else y, right=612 - x, top=792 - y, up=y, across=792 - x)
        + f" Tm ({text}) Tj ET\n"
        for x, y, size, text in [
            (72, 500, 18, "Annual leave"),
            *((72, 400 - 13 * at, 11, text) for at, text in enumerate(LONG)),
        ]
    )
    document = read([], turned=turned, drawing=shown)
    assert document.text == "Annual leave\n\n" + read(lines(LONG)).text
    left, top, _, _ = document.blocks[0].box
    page = (792, 612) if wide else (612, 792)
    assert left == pytest.approx(72 / page[0], abs=0.01)
    assert top == pytest.approx(1 - 517 / page[1], abs=0.02)


def test_a_running_head_goes_even_from_a_single_page():
    document = read([(72, 770, 9, "208 Global study on leave"), *lines(LONG)])
    assert "Global study" not in document.text


def test_threads_may_read_at_the_same_time():
    data = pdf([lines(LONG)] * 20)
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: parse(data, "x.pdf").text, range(16)))
    assert len(texts) == 1
