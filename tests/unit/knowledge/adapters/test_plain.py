"""Plain text, as editors and people leave it."""

from __future__ import annotations

import pytest

from aver.knowledge.parsing import parse


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("One\r\n\r\nTwo\r\rThree", "One\n\nTwo\n\nThree"),
        (
            "This line was wrapped by an editor at some column\nand goes on here.",
            "This line was wrapped by an editor at some column and goes on here.",
        ),
        ("Main Street 1\n12345 Town", "Main Street 1\n12345 Town"),
        ("You need:\n- a pen\n* paper\n  • ink\n2) sign it", "You need:\n\n- a pen\n- paper\n  - ink\n2) sign it"),
        ("a\tb   c", "a b c"),
        ("\ufeffMarked", "Marked"),
    ],
)
def test_text_reads_as_typed(typed, plain):
    assert parse(typed.encode(), "x.txt").text == plain


def test_an_underlined_line_is_a_heading():
    document = parse(b"Leave\n=====\nTake it.\n\nCarry-over\n----\n\nUntil March.", "x.txt")
    assert document.title == "Leave"
    assert [(block.kind, block.level) for block in document.blocks] == [
        ("heading", 1),
        ("paragraph", 0),
        ("heading", 2),
        ("paragraph", 0),
    ]


def test_a_very_long_line_and_very_many_lines_are_read():
    assert len(parse(b"word " * 200_000, "x.txt").text) == 999_999
    assert len(parse(b"line\n\n" * 100_000, "x.txt").blocks) == 100_000
