"""The responses protocol as streams: what is written is read, what is read is shown, and a second provider can go on."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from aver.core.errors import ProviderError, ProviderRefused, ProviderThrottled, StreamTruncated
from aver.gateway.types import ChatDelta, Reasoning, ToolCall, ToolDelta, Usage
from aver.gateway.wire.responses import ResponsesChat, ResponsesDoor
from aver.testing.fakes.responses import VOICE
from aver.testing.replies import Received, Reply, Tokens
from tests.unit.gateway.wire.streams import heard, pieces, read, replies

REPLY = Reply(
    "Zwölf 🙂 days.",
    reasoning="Let me see.",
    signature="sealed",
    tools=(ToolCall("call_a", "look", '{"q": "ä"}'), ToolCall("call_b", "look", "{}")),
    tokens=Tokens(input=90, output=30, cached=40, reasoning=7),
    piece=3,
)
OFFICIAL = TypeAdapter(ResponseStreamEvent)


def writer():
    return ResponsesDoor().writer({"metadata": {"a": "b"}}, reply_id="resp_1", model="route", created=7)


def reader():
    return ResponsesChat().reader(asked_usage=False)


def served(reply=REPLY):
    streamed = VOICE.stream(Received("/v1/responses", {}, {"model": "m"}), reply)
    return [*streamed.pieces, *streamed.ending]


def events(data: bytes):
    return [json.loads(block.split("\ndata: ", 1)[1]) for block in data.decode().split("\n\n") if block]


def whole(data: bytes):
    """The response that the last event holds."""
    return ResponsesChat().completion(orjson.dumps(events(data)[-1]["response"]))


@given(replies("responses"), st.data())
def test_what_is_written_is_read_again_as_it_was(deltas, data):
    to = writer()
    written = b"".join(to.write([delta]) for delta in deltas) + to.end()
    by = reader()
    again = read(by, pieces(data, written))
    assert by.done
    told = heard(deltas)
    assert heard(again) == told
    assert again[0].id == "resp_1"
    assert [event["sequence_number"] for event in events(written)] == list(range(len(events(written))))
    end = whole(written)
    assert (end.text, end.finish, end.usage) == (told.text, told.finish, told.usage)
    calls = [[part.id, part.name, part.arguments] for part in end.parts if isinstance(part, ToolCall)]
    assert calls == list(told.tools.values())


@given(replies("responses"))
def test_every_event_is_one_that_the_official_client_knows(deltas):
    to = writer()
    for event in events(to.write(deltas) + to.end()):
        assert OFFICIAL.validate_python(event).type == event["type"]


@given(st.data())
def test_what_is_read_is_shown_as_it_came(data):
    stream = b"".join(served())
    by, to = reader(), writer()
    shown = b"".join(to.write(by.feed(chunk)) for chunk in pieces(data, stream))
    assert shown + to.end() == stream


@given(st.data())
def test_what_is_read_is_what_was_served(data):
    by = reader()
    deltas = read(by, pieces(data, b"".join(served())))
    told = heard(deltas)
    assert (told.thought, told.text, told.finish) == (REPLY.reasoning, REPLY.text, "tool_calls")
    assert told.tools == {0: ["call_a", "look", '{"q": "ä"}'], 1: ["call_b", "look", "{}"]}
    assert told.usage == Usage(90, 30, None, cached_tokens=40, reasoning_tokens=7)
    assert [delta.reasoning.data for delta in deltas if delta.reasoning and delta.reasoning.data] == ["sealed"]


def test_sealed_thoughts_of_the_family_are_passed_on():
    to = writer()
    sealed = [ChatDelta(reasoning=Reasoning("hm", family="responses"))]
    sealed += [
        ChatDelta(reasoning=Reasoning(data="sealed", family="responses", id="rs_9")),
        ChatDelta("Hi", finish="stop"),
    ]
    assert whole(to.write(sealed) + to.end()).parts[0].data == "sealed"
    to = writer()
    foreign = [ChatDelta(reasoning=Reasoning("hm", data="sealed", family="anthropic")), ChatDelta("Hi", finish="stop")]
    assert whole(to.write(foreign) + to.end()).parts[0].data == ""


@given(st.integers(1, len(served()) - 1), replies("responses"))
def test_another_provider_goes_on_where_one_broke_off(kept, second):
    shown = read(reader(), served()[:kept])
    to = writer()
    second[0].id = "msg_2"
    data = to.write(shown) + to.write(second) + to.end()
    first, later = heard(shown), heard(second)
    end = whole(data)
    assert end.text == first.text + later.text
    assert end.finish == ("tool_calls" if first.tools and later.finish == "stop" else later.finish)
    calls = [part.arguments for part in end.parts if isinstance(part, ToolCall)]
    assert calls == [arguments for _, _, arguments in (*first.tools.values(), *later.tools.values())]
    assert end.id == "resp_fake"
    assert [event["sequence_number"] for event in events(data)] == list(range(len(events(data))))
    items = [event["item"]["id"] for event in events(data) if event["type"] == "response.output_item.added"]
    done = [event["item"]["id"] for event in events(data) if event["type"] == "response.output_item.done"]
    assert sorted(items) == sorted(done)
    assert len(set(items)) == len(items)
    for event in events(data):
        OFFICIAL.validate_python(event)


def test_text_that_broke_off_is_continued_in_its_own_item():
    stream = served(Reply("One two three", piece=4))
    shown = read(reader(), stream[:6])
    assert heard(shown).text == "One two "
    to = writer()
    data = to.write(shown) + to.write([ChatDelta("three", id="other"), ChatDelta(finish="stop")]) + to.end()
    assert [event["type"] for event in events(data)].count("response.output_item.added") == 1
    assert whole(data).text == "One two three"


def test_a_reply_that_broke_off_ends_with_an_error():
    to = writer()
    to.write([ChatDelta("Hi")])
    told = to.fail(StreamTruncated("The answer broke off", "Ask again."))
    (event,) = events(told)
    assert (event["type"], event["code"], event["sequence_number"]) == ("error", "stream_truncated", 5)
    with pytest.raises(ProviderRefused, match="The answer broke off"):
        reader().feed(told)


@pytest.mark.parametrize(
    ("event", "error", "says"),
    [
        (VOICE.malformed(), ProviderError, "cannot be read"),
        (b"data: []\n\n", ProviderError, "cannot be read"),
        (b'data: {"unexpected": true}\n\n', ProviderError, "cannot be read"),
        (b'data: {"type": "response.output_text.delta", "delta": 3}\n\n', ProviderError, "not text"),
        (b'data: {"type": "response.output_item.added"}\n\n', ProviderError, "cannot be read"),
        (b'data: {"type": "error", "code": "rate_limit_exceeded", "message": "slow"}\n\n', ProviderThrottled, "slow"),
        (
            b'data: {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "broke"}}}\n\n',
            ProviderRefused,
            "broke",
        ),
    ],
)
def test_what_is_not_the_protocol_is_an_error(event, error, says):
    with pytest.raises(error, match=says):
        reader().feed(event)


def test_events_without_meaning_here_are_shown():
    raw = b'event: response.web_search_call.searching\ndata: {"type":"response.web_search_call.searching"}\n\n'
    assert reader().feed(raw) == [ChatDelta(raw=raw)]


def test_arguments_that_come_in_one_piece_are_read():
    item = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item | {"arguments": ""}}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    stream = [b"data: " + orjson.dumps(event) + b"\n\n" for event in (added, done)]
    assert heard(read(reader(), stream)).tools == {0: ["call_1", "look", "{}"]}
    assert heard(read(reader(), stream[1:])).tools == {0: ["call_1", "look", "{}"]}


def test_a_reply_without_output_is_none_and_an_empty_one_has_an_empty_message():
    stream = b"".join(served(Reply(fault="empty-choices")))
    with pytest.raises(ProviderError, match="no output"):
        reader().feed(stream)
    to = writer()
    data = to.write([ChatDelta(finish="stop")]) + to.end()
    assert heard(read(reader(), [data])).finish == "stop"
    assert whole(data).text == ""


def test_a_call_that_broke_off_is_not_continued_by_another_providers():
    stream = served(Reply(tools=(ToolCall("call_a", "look", '{"q": 1}'),), piece=3))
    to = writer()
    data = to.write(read(reader(), stream[:5]))
    data += to.write([ChatDelta(tool=ToolDelta(0, "call_b", "look", "{}"), id="other"), ChatDelta(finish="tool_calls")])
    calls = [(part.id, part.arguments) for part in whole(data + to.end()).parts]
    assert calls == [("call_a", '{"q": '), ("call_b", "{}")]
