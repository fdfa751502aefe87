"""Sentences: where people would say they end, and spans that are always exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.sentences import sentences

TEXTS = st.text(st.sampled_from("ab AB.!?…,;:\n|-*•1 23()[]\"'”’。？é我مر؟\t"), max_size=200)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t\n ", []),
        ("One", ["One"]),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Mr. Smith met Dr. J. R. Jones. They spoke.", ["Mr. Smith met Dr. J. R. Jones.", "They spoke."]),
        (
            "It costs $3.50, e.g. at 1.5.2 of www.x.com/a.b today.",
            ["It costs $3.50, e.g. at 1.5.2 of www.x.com/a.b today."],
        ),
        ("See No. 5 and Fig. 2. No. That is wrong.", ["See No. 5 and Fig. 2.", "No.", "That is wrong."]),
        (
            "The U.S. Government paid. We left the U.S. The end.",
            ["The U.S. Government paid.", "We left the U.S.", "The end."],
        ),
        ("At 5 p.m. Eastern time it closes. He left at 5 p.m. It closed.", None),
        ("Acme Inc. in Berlin and Acme Inc. The rest.", ["Acme Inc. in Berlin and Acme Inc.", "The rest."]),
        ('"Really?" he said. "Yes." (It was so.) Done.', ['"Really?" he said.', '"Yes."', "(It was so.)", "Done."]),
        ("Wait... and see. So... Fine.", ["Wait... and see.", "So...", "Fine."]),
        ("What?! No!", ["What?!", "No!"]),
        (
            "A claim [1]. Another.[2] Third. [3][4] Last [5, 6].",
            ["A claim [1].", "Another.[2]", "Third. [3][4]", "Last [5, 6]."],
        ),
        ("日本語です。そうですか？「はい。」終わり", ["日本語です。", "そうですか？", "「はい。」", "終わり"]),
        ("كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
        ("Great! 🎉 Next 👩‍👩‍👧.", ["Great!", "🎉 Next 👩‍👩‍👧."]),
        ("Title\n\nText. More", ["Title", "Text.", "More"]),
        ("- First. Second.\n  - Nested\n12. Numbered\n(b) Lettered\n1.2. Deep", None),
        ("Name | Note. And more. | 3\nx | y", ["Name | Note. And more. | 3", "x | y"]),
    ],
)
def test_text_ends_where_a_reader_says_it_does(text, expected):
    if expected is None:
        expected = {
            "A": ["At 5 p.m. Eastern time it closes.", "He left at 5 p.m.", "It closed."],
            "-": ["First.", "Second.", "Nested", "Numbered", "Lettered", "Deep"],
        }[text[0]]
    assert split(text) == expected


@given(TEXTS | st.text(max_size=200))
def test_spans_are_in_order_trimmed_and_within_a_line(text):
    end = 0
    for start, stop in sentences(text):
        assert end <= start < stop
        piece = text[start:stop]
        assert piece == piece.strip()
        assert "\n" not in piece
        end = stop


@given(TEXTS)
def test_nothing_but_list_markers_is_left_out(text):
    covered = {index for start, end in sentences(text) for index in range(start, end)}
    position = 0
    for line in text.split("\n"):
        spans = [index - position for index in sorted(covered) if position <= index < position + len(line)]
        if line.strip():
            assert spans
            assert len(line[: spans[0]].split()) <= 3
        left_out = [line[index] for index in range(spans[0], len(line)) if index not in spans] if spans else []
        assert not "".join(left_out).strip()
        position += len(line) + 1


@given(TEXTS, TEXTS)
def test_lines_do_not_influence_one_another(first, second):
    shift = len(first) + 1
    assert sentences(f"{first}\n{second}") == sentences(first) + [
        (start + shift, end + shift) for start, end in sentences(second)
    ]


@pytest.mark.parametrize("hostile", [".", ". ", "a.", ".[1", '?"', "- ", "1. ", "\n", "A. ", "e.g. "])
def test_hostile_repetition_takes_linear_time(hostile):
    # A quadratic pass over this would not return within the suite's patience.
    assert len(sentences(hostile * 100_000)) <= 100_000
