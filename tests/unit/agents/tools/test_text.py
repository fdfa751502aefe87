"""What a tool returned, as a model and a terminal are shown it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.tools.text import clean, present


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\r\nlines\rthree\u2028four", "two\nlines\nthree\nfour"),
        ("a\tb", "a\tb"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;own your terminal\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bx\x1bcy", "xy"),
        ("pass\u200bword", "password"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00b\x08c", "abc"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("\ud800", "\ufffd"),
    ],
)
def test_nothing_hides_or_moves_the_cursor(text, shown):
    assert clean(text)[0] == shown


@pytest.mark.parametrize("text", ["नमस्ते क्\u200dष", "می\u200cخواهم", "👩\u200d👩\u200d👧", "❤\ufe0f", "ä", "日本語"])
def test_other_scripts_are_spelt_as_before(text):
    assert clean(text) == (text, 0)


def test_variation_selectors_cannot_spell_a_message():
    assert clean("a\ufe00\ufe01\ufe02b")[0] == "ab"
    assert clean("😀" + "".join(chr(0xE0100 + n) for n in range(50)))[0] == "😀"


@given(st.text())
def test_what_is_shown_can_be_shown(text):
    shown, removed = clean(text)
    assert removed >= 0
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t"]
    assert (
        clean(shown)[0] == shown
        or "\u200c" in shown
        or "\u200d" in shown
        or "\ufe0f" in shown
        or any("\ufe00" <= c <= "\ufe0f" for c in shown)
    )
    shown.encode()


def test_a_long_text_is_cut_and_says_so():
    shown = present("x" * 1_000_000, 100)
    assert shown == "x" * 100 + "\n[cut: the first 100 of 1,000,000 characters are shown]"


def test_a_value_is_shown_as_json_without_what_hides():
    shown = present({"na\u200bme": ["a\x1b[2Jb", 1, None]}, 1000)
    assert (
        shown == '{\n  "name": [\n    "ab",\n    1,\n    null\n  ]\n}\n[5 invisible or control characters were removed]'
    )
