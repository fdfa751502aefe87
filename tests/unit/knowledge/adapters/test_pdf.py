"""PDF: lines become paragraphs, headings and lists again; what cannot be read says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aver.core.errors import InvalidInput
from aver.knowledge.parsing import parse
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


def test_an_encrypted_file_says_so():
    with pytest.raises(InvalidInput, match=r"encrypted.*password"):
        read(lines(LONG), encrypted=True)


@pytest.mark.parametrize("damage", [lambda data: b"%PDF-1.7 and nothing else", lambda data: data[:200]])
def test_a_damaged_file_says_so(damage):
    with pytest.raises(InvalidInput, match="damaged"):
        parse(damage(pdf([lines(LONG)])), "x.pdf")


def test_a_scan_says_that_it_holds_no_text():
    with pytest.raises(InvalidInput, match=r"no text.*OCR"):
        read([])


def test_threads_may_read_at_the_same_time():
    data = pdf([lines(LONG)] * 20)
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: parse(data, "x.pdf").text, range(16)))
    assert len(texts) == 1
