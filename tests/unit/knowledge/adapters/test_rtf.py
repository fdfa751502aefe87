"""Rich text: words, lists and tables in any encoding."""

from __future__ import annotations

import pytest

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.parsing import parse


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"One.\par Two.", "One.\n\nTwo."),
        (rb"\b Bold\b0  and {\i it\i0 }.", "Bold and it."),
        (rb"caf\'e9 \u8364?5 \u-10179?\u-8704?", "café €5 😀"),
        (rb"\ansicpg1251 \'cf\'f0\'e8", "При"),
        (rb"\uc2 \u8364??x{\uc0 \u8364 y}", "€x€y"),
        (rb"{\fonttbl{\f0 Arial;}}{\*\generator Word}{\v hidden}Shown\~here", "Shown here"),
        (rb"{\field{\*\fldinst HYPERLINK}{\fldrslt a link}}", "a link"),
        (rb"\pard\outlinelevel0 Head\par\pard Text", "Head\n\nText"),
        (rb"{\listtext\'95\tab}One\par{\listtext\'95\tab}Two\par", "- One\n- Two"),
        (rb"{\listtext 1.\tab}One\par{\listtext 2.\tab}Two\par", "1. One\n2. Two"),
        (rb"\trowd\intbl A\cell B\par b\cell\row\trowd\intbl 1\cell 2\cell\row\pard End", "A | B b\n1 | 2\n\nEnd"),
        (rb"\{braces\} and \\", "{braces} and \\"),
    ],
)
def test_rich_text_reads_as_it_is_shown(body, text):
    assert parse(rb"{\rtf1\ansi " + body + b"}", "x.bin").text == text


def test_groups_without_end_are_refused():
    with pytest.raises(TooLarge, match="nested"):
        parse(rb"{\rtf1" + b"{" * 10_000, "x.rtf")


def test_what_is_no_rich_text_says_so():
    with pytest.raises(InvalidInput, match="no rich text"):
        parse(b"plain", "x.rtf")
