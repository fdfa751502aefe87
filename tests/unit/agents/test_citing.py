"""Sentences come out of a stream whole, with their marks, however it is cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.citing import SentenceStream, uncite

WORDS = st.sampled_from(
    ["Leave", "is", "paid.", "Dr.", "No.", "5", "[1]", "[1,", "2]", "[2][3]", "【1】", "【4†handbook】", "e.g.", "(see", "it).", "-",
     "1.", "\n", "\n\n", "at", "3.5", "days!", "Why?", "[", "]", "[x]", "array[0]", "好。", "| a | b |", '"Quoted."', "* ", "[1](u)"]
)  # fmt: skip
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "", "  ", "\n"])), max_size=25).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


MARKERS = re.compile(r"(?:\s|[-*](?=\s|$)|(?:\d+\.)+(?=\s|$)|\(\w\)(?=\s|$))*")


def split(*pieces: str) -> list[str]:
    stream = SentenceStream()
    return [sentence for piece in pieces for sentence in stream.feed(piece)] + list(stream.close())


@given(TEXTS, st.lists(st.integers(1, 9), max_size=60))
def test_the_cuts_of_a_stream_change_nothing(text: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert split(*pieces, text[at:]) == split(text) == split(*text)


@given(TEXTS)
def test_nothing_is_lost_but_white_space_and_list_markers(text: str) -> None:
    rest = text
    for sentence in split(text):
        before, found, rest = rest.partition(sentence)
        assert found
        assert MARKERS.fullmatch(before)
    assert MARKERS.fullmatch(rest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ten days. [1] Five more. [2]", ["Ten days. [1]", "Five more. [2]"]),
        ("Ten days [1]. Five more [2].", ["Ten days [1].", "Five more [2]."]),
        ("Ten days.[1][2] Five more.【3】", ["Ten days.[1][2]", "Five more.【3】"]),
        ("Ten days. 【1†handbook】 Five more.", ["Ten days. 【1†handbook】", "Five more."]),
        ("Ten days. [1, 2] Five more.", ["Ten days. [1, 2]", "Five more."]),
        ("- Ten days [1]\n- Five more [2]", ["Ten days [1]", "Five more [2]"]),
        ("1. Ten days. [1]\n2. Five more.", ["Ten days. [1]", "Five more."]),
        ("Ten days.\n[1]\nFive more.", ["Ten days.\n[1]", "Five more."]),
        ("Ask Dr. Ng by 3.5. [1] Then go.", ["Ask Dr. Ng by 3.5. [1]", "Then go."]),
    ],
)
def test_marks_stay_with_their_sentence(text: str, expected: list[str]) -> None:
    assert split(text) == split(*text) == expected


def test_a_sentence_is_out_as_soon_as_the_next_has_begun() -> None:
    stream = SentenceStream()
    assert list(stream.feed("Ten days carry over. [1")) == []
    assert list(stream.feed("] Five")) == []
    assert list(stream.feed(" more")) == ["Ten days carry over. [1]"]


@pytest.mark.parametrize(
    ("sentence", "text", "numbers"),
    [
        ("Ten days carry over. [1]", "Ten days carry over.", (1,)),
        ("Ten days carry over [1][3].", "Ten days carry over.", (1, 3)),
        ("Ten days [2] carry over [2, 1].", "Ten days carry over.", (2, 1)),
        ("Ten days carry over [1-3].", "Ten days carry over.", (1, 2, 3)),
        ("Ten days carry over.【2†source】", "Ten days carry over.", (2,)),
        ("Ten days carry over.", "Ten days carry over.", ()),
        ("See [1](https://example.org) first.", "See [1](https://example.org) first.", ()),
        ("Anything [0] and [999].", "Anything and.", (0, 999)),
    ],
)
def test_marks_are_taken_out(sentence: str, text: str, numbers: tuple[int, ...]) -> None:
    cited = uncite(sentence)
    assert (cited.text, cited.numbers) == (text, numbers)
