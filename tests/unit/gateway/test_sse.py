from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError
from aver.gateway.adapters.sse import EventParser

STREAM = (
    ": a comment\n\ndata: first\n\n"
    "event: message\ndata:no space\nid: 7\n\r\n"
    "data: two\r\ndata: lines\r\n\r\n"
    "data: colons: and  spaces \n\n\n\n"
    "data: 日本語 🙂\r\r"
    "data:\n\ndata\n\n"
    "data: [DONE]\n\n"
)
EVENTS = ["first", "no space", "two\nlines", "colons: and  spaces ", "日本語 🙂", "", "", "[DONE]"]


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=12))
def test_events_do_not_depend_on_where_the_bytes_are_cut(cuts):
    raw = STREAM.encode()
    edges = [0, *sorted(cuts), len(raw)]
    parser = EventParser()
    events = [event for start, end in pairwise(edges) for event in parser.feed(raw[start:end])]
    assert events == EVENTS


def test_every_single_byte_may_come_alone():
    parser = EventParser()
    assert [event for byte in STREAM.encode() for event in parser.feed(bytes([byte]))] == EVENTS


def test_a_byte_order_mark_is_passed_over():
    assert EventParser().feed(b"\xef\xbb\xbfdata: x\n\n") == ["x"]


def test_an_event_without_its_blank_line_is_not_yet_one():
    parser = EventParser()
    assert parser.feed(b'data: {"half": ') == []
    assert parser.feed(b"1}\n") == []
    assert parser.feed(b"\n") == ['{"half": 1}']


def test_bytes_that_are_not_utf8_are_an_error():
    with pytest.raises(ProviderError, match="not UTF-8"):
        EventParser().feed(b"data: \xff\xfe\n\n")


@pytest.mark.parametrize("chunk", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_an_event_without_end_is_an_error(chunk):
    parser = EventParser()
    with pytest.raises(ProviderError, match="without end"):  # noqa: PT012 - some chunk along the way
        for _ in range(100):
            parser.feed(chunk)
