"""Server-sent events, cut out of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError
from aver.gateway.wire import sse
from aver.gateway.wire.sse import Event, EventReader
from tests.unit.gateway.wire.streams import pieces

STREAM = (
    "\ufeff: hello\n\ndata: eins ä🙂\n\nevent: ping\ndata: a\ndata:b\nid: 3\n\n\nretry: 5\n\ndata: [DONE]\n\n".encode()
)
TOLD = [("eins ä🙂", ""), ("a\nb", "ping"), ("[DONE]", "")]


def told(chunks):
    reader = EventReader()
    return [(event.data.decode(), event.name) for chunk in chunks for event in reader.feed(chunk)]


@given(st.data(), st.sampled_from([b"\n", b"\r\n"]))
def test_events_are_the_same_wherever_the_bytes_are_cut(data, line_end):
    assert told(pieces(data, STREAM.replace(b"\n", line_end))) == TOLD


def test_lines_may_end_in_cr_alone():
    assert told([STREAM.replace(b"\n", b"\r"), b"\r"]) == TOLD


def test_an_event_is_kept_as_it_came_with_its_blank_line():
    events = EventReader().feed(b"event: x\ndata: 1\n\ndata: 2\n\n")
    assert events == [Event(b"1", b"event: x\ndata: 1\n\n", "x"), Event(b"2", b"data: 2\n\n")]


def test_an_event_without_its_end_is_not_one():
    reader = EventReader()
    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\n") == [Event(b"1", b"data: 1\n\n")]


def test_an_event_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(sse, "_LONGEST_EVENT", 10)
    reader = EventReader()
    reader.feed(b"data: 1234")
    with pytest.raises(ProviderError, match="without end"):
        reader.feed(b"5")
