"""Streams of Anthropic's protocol: what is written is read, what is read is shown, and a second provider can go on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError, ProviderRefused, ProviderThrottled, RequestRejected, StreamTruncated
from aver.gateway.types import ChatDelta, Reasoning, ToolCall, ToolDelta, Usage
from aver.gateway.wire.anthropic import AnthropicChat, AnthropicDoor
from aver.gateway.wire.sse import EventReader
from aver.testing.fakes.anthropic import VOICE
from aver.testing.replies import Received, Reply, Tokens
from tests.unit.gateway.wire.streams import heard, pieces, read, replies, to_be_written

REPLY = Reply(
    "Zwölf 🙂 days.",
    reasoning="Let me see.",
    signature="sig0",
    tools=(ToolCall("toolu_a", "look", '{"q": "ä"}'), ToolCall("toolu_b", "look", "{}")),
    tokens=Tokens(input=90, output=30, cached=40, cache_write=5, reasoning=7),
    piece=3,
)


def writer():
    return AnthropicDoor().writer({}, reply_id="msg_1", model="route", created=7)


def reader():
    return AnthropicChat().reader(asked_usage=True)


def served(reply=REPLY) -> bytes:
    streamed = VOICE.stream(Received("/v1/messages", {}, {"model": "m"}), reply)
    return b"".join((*streamed.pieces, *streamed.ending))


def events(data: bytes):
    return [json.loads(event.data) for event in EventReader().feed(data)]


def sent(kind, **fields) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def check_order(shown):
    """The protocol's own rules: one beginning, blocks one after another by rising index, one end."""
    assert shown[0]["type"] == "message_start"
    assert [event["type"] for event in shown].count("message_start") == 1
    assert shown[-1]["type"] == "message_stop"
    assert shown[-2]["type"] == "message_delta"
    following, open_ = 0, None
    for event in shown[1:-2]:
        match event["type"]:
            case "content_block_start":
                assert open_ is None
                assert event["index"] == following
                open_, following = following, following + 1
            case "content_block_stop":
                assert event["index"] == open_
                open_ = None
            case "content_block_delta":
                assert event["index"] == open_
            case other:
                assert other == "ping"
    assert open_ is None


@given(replies("anthropic"), st.data())
def test_what_is_written_is_read_again_as_it_was(deltas, data):
    to = writer()
    written = b"".join(to.write([delta]) for delta in deltas) + to.end()
    check_order(events(written))
    by = reader()
    again = read(by, pieces(data, written))
    assert by.done
    assert heard(again) == heard(deltas)
    assert (again[0].id, again[0].model) == ("msg_1", "route")


@given(st.data())
def test_a_stream_is_shown_within_its_family_as_it_came(data):
    by, to = reader(), writer()
    shown = b"".join(to.write(by.feed(piece)) for piece in pieces(data, served()))
    assert by.done
    assert shown + to.end() == served()


def test_a_stream_is_read():
    by = reader()
    deltas = by.feed(served())
    told = heard(deltas)
    assert (told.text, told.thought, told.finish) == (REPLY.text, REPLY.reasoning, "tool_calls")
    assert told.tools == {0: ["toolu_a", "look", '{"q": "ä"}'], 1: ["toolu_b", "look", "{}"]}
    assert told.usage == Usage(90, 30, None, cached_tokens=40, cache_write_tokens=5, reasoning_tokens=7)
    assert [delta.reasoning.signature for delta in deltas if delta.reasoning and delta.reasoning.signature] == ["sig0"]
    assert by.done


def test_usage_of_the_beginning_and_of_the_end_are_one():
    by = reader()
    begun = {"id": "i", "model": "m", "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}}
    by.feed(sent("message_start", message=begun))
    ended = {"output_tokens": 9, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 2}}
    [delta] = by.feed(sent("message_delta", delta={"stop_reason": "end_turn"}, usage=ended))
    assert delta.usage == Usage(12, 9, None, cached_tokens=7, reasoning_tokens=2)
    assert not by.done


def test_what_a_provider_runs_itself_is_shown_and_not_told():
    by = reader()
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    data = (
        sent("content_block_start", index=0, content_block=block)
        + sent("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "{}"})
        + sent("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {}})
        + sent("an_event_of_days_to_come")
    )
    deltas = by.feed(data)
    assert heard(deltas) == heard([])
    assert b"".join(delta.raw for delta in deltas) == data


def test_redacted_thoughts_are_read_and_written():
    by, to = reader(), writer()
    block = {"type": "redacted_thinking", "data": "eA=="}
    deltas = by.feed(sent("content_block_start", index=0, content_block=block))
    assert deltas[0].reasoning == Reasoning(data="eA==", family="anthropic")
    shown = events(to.write(to_be_written(deltas)) + to.write([ChatDelta("Hi", finish="stop")]) + to.end())
    check_order(shown)
    assert shown[1]["content_block"] == block


@pytest.mark.parametrize(
    "wrong",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"type": "content_block_delta", "index": 0}\n\n',
        b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}\n\n',
        b'data: {"type": "message_start"}\n\n',
        b'data: {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}\n\n',
        b'data: {"type": "message_delta", "delta": {"stop_reason": "bored"}}\n\n',
        VOICE.malformed(),
    ],
)
def test_what_is_not_the_protocol_is_refused(wrong):
    with pytest.raises(ProviderError):
        reader().feed(wrong)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("overloaded_error", ProviderRefused),
        ("rate_limit_error", ProviderThrottled),
        ("invalid_request_error", RequestRejected),
        ("of_days_to_come", ProviderRefused),
    ],
)
def test_an_error_within_a_stream_has_its_class(type_, kind):
    with pytest.raises(ProviderError) as caught:
        reader().feed(sent("error", error={"type": type_, "message": "Busy"}))
    assert type(caught.value) is kind
    assert "Busy" in caught.value.cause


@given(st.integers(0, 60), replies("openai"))
def test_another_provider_goes_on_where_the_first_broke_off(events_shown, rest):
    by, to = reader(), writer()
    first = [b for b in served(Reply(REPLY.text, reasoning="Hm", signature="sig0", piece=2)).split(b"\n\n") if b]
    first = first[:-2][:events_shown]
    deltas = by.feed(b"".join(event + b"\n\n" for event in first))
    shown = to.write(deltas)
    assert shown == b"".join(event + b"\n\n" for event in first)
    # The first thing another family says of a thought would follow signed thought: only text and tools go on.
    rest = [delta for delta in rest if not delta.reasoning]
    told = events(shown + to.write([ChatDelta(id="x", model="y")]) + to.write(rest) + to.end())
    check_order(told)
    whole = heard(deltas), heard(rest)
    again = heard(reader().feed(b"".join(sent(event["type"], **event) for event in told)))
    assert again.text == whole[0].text + whole[1].text
    assert (again.finish, again.usage) == (whole[1].finish, whole[1].usage)
    starts = [event for event in told if event["type"] == "content_block_start"]
    if whole[0].text and whole[1].text and first[-1].startswith(b"event: content_block_delta"):
        assert [start["content_block"]["type"] for start in starts].count("text") == 1, "the open block goes on"


def test_a_second_thought_is_a_block_of_its_own():
    to = writer()
    deltas = [
        ChatDelta(reasoning=Reasoning("One", family="gemini")),
        ChatDelta(reasoning=Reasoning("", "s1", family="gemini")),
        ChatDelta(reasoning=Reasoning("Two", family="gemini")),
        ChatDelta("Hi", finish="stop"),
    ]
    shown = events(to.write(deltas) + to.end())
    check_order(shown)
    starts = [event["content_block"]["type"] for event in shown if event["type"] == "content_block_start"]
    assert starts == ["thinking", "thinking", "text"]


def test_a_piece_of_a_call_that_is_closed_goes_to_its_own_block():
    to = writer()
    calls = [ToolDelta(0, "a", "f", "{"), ToolDelta(1, "b", "f", "{}"), ToolDelta(0, arguments="}")]
    told = heard(reader().feed(to.write([ChatDelta(tool=call) for call in calls])))
    assert told.tools == {0: ["a", "f", "{}"], 1: ["b", "f", "{}"]}


def test_a_reply_that_breaks_off_ends_with_an_error():
    to = writer()
    shown = events(to.write([ChatDelta("Twen")]) + to.fail(StreamTruncated("It broke off", "Ask again.")))
    assert shown[-1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "It broke off. Ask again."},
        "request_id": None,
    }
    assert "message_stop" not in [event["type"] for event in shown]


def test_a_reply_without_a_word_is_whole():
    to = writer()
    shown = events(to.write([ChatDelta(finish="stop")]) + to.end())
    check_order(shown)
    assert shown[1]["delta"]["stop_reason"] == "end_turn"


def test_a_lone_surrogate_does_not_break_a_stream():
    assert heard(reader().feed(writer().write([ChatDelta("a\ud83db")]))).text == "a?b"
