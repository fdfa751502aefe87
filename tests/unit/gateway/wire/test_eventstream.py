"""AWS's binary event stream, held to botocore's own reading of it."""

from struct import pack
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import ProviderError
from aver.gateway.wire.eventstream import EventStreamReader, write_message

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=20)
MESSAGES = st.lists(
    st.tuples(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=30), max_size=4), st.binary()),
    max_size=5,
)


def read(data: bytes, *sizes: int):
    reader, messages, start = EventStreamReader(), [], 0
    for size in sizes:
        messages += reader.feed(data[start : start + size])
        start += size
    return messages + reader.feed(data[start:])


@settings(deadline=None)
@given(MESSAGES)
def test_botocore_reads_what_is_written(messages):
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(write_message(headers, payload) for headers, payload in messages))
    assert [(each.headers, each.payload) for each in buffer] == messages


@settings(deadline=None)
@given(MESSAGES, st.lists(st.integers(0, 60)))
def test_what_is_written_is_read_however_it_is_cut(messages, sizes):
    data = b"".join(write_message(headers, payload) for headers, payload in messages)
    assert [(dict(each.headers), each.payload) for each in read(data, *sizes)] == messages


def test_headers_of_every_type_are_passed_over_as_botocore_does():
    values = [
        (0, b""),
        (1, b""),
        (2, b"\x05"),
        (3, b"\x00\x05"),
        (4, b"\x00\x00\x00\x05"),
        (5, b"\x00" * 7 + b"\x05"),
        (6, b"\x00\x02ab"),
        (7, b"\x00\x04text"),
        (8, b"\x00" * 8),
        (9, b"\x07" * 16),
    ]
    block = b"".join(b"\x02h%d" % kind + bytes([kind]) + value for kind, value in values)
    prelude = pack(">II", 16 + len(block) + 2, len(block))
    message = prelude + pack(">I", crc32(prelude)) + block + b"{}"
    message += pack(">I", crc32(message))
    buffer = EventStreamBuffer()
    buffer.add_data(message)
    theirs = next(buffer)
    [ours] = read(message)
    assert ours.payload == theirs.payload == b"{}"
    assert dict(ours.headers) == {"h7": theirs.headers["h7"]} == {"h7": "text"}


@settings(deadline=None)
@given(st.data())
def test_a_byte_that_changed_on_the_way_is_noticed(data):
    message = write_message({":event-type": "contentBlockDelta"}, b'{"delta": {"text": "Twenty days."}}')
    place = data.draw(st.integers(0, len(message) - 1))
    other = data.draw(st.integers(1, 255))
    changed = bytearray(message)
    changed[place] ^= other
    with pytest.raises(ProviderError, match="event stream"):
        read(bytes(changed))


@pytest.mark.parametrize(
    "lengths", [(15, 0), (25 * 2**20, 0), (20, 5)], ids=["too short", "too long", "headers longer than the message"]
)
def test_an_impossible_length_is_refused_at_once(lengths):
    prelude = pack(">II", *lengths)
    with pytest.raises(ProviderError, match="impossible length"):
        read(prelude + pack(">I", crc32(prelude)))


@pytest.mark.parametrize("block", [b"\x09:name", b"\x01a\x63", b"\x01a\x07\x00\x09abc", b"\x01\xff\x07\x00\x00"])
def test_headers_that_are_none_are_refused(block):
    prelude = pack(">II", 16 + len(block), len(block))
    message = prelude + pack(">I", crc32(prelude)) + block
    with pytest.raises(ProviderError, match="header"):
        read(message + pack(">I", crc32(message)))


def test_a_web_page_is_no_event_stream():
    with pytest.raises(ProviderError, match="does not begin with a message"):
        read(b"<html><body>Welcome to the proxy.</body></html>")
