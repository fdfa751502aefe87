"""Chat completions as streams: what is written is read, what is read is shown, and a second provider can go on."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError, ProviderRefused, ProviderThrottled, StreamTruncated
from aver.gateway.types import ChatDelta, Reasoning, ToolCall, ToolDelta, Usage
from aver.gateway.wire.openai import OpenAIChat, OpenAIDoor
from aver.testing.fakes.openai import VOICE
from aver.testing.replies import Received, Reply, Tokens
from tests.unit.gateway.wire.streams import heard, pieces, read, replies, to_be_written

ASKED = {"stream_options": {"include_usage": True}}
REPLY = Reply(
    "Zwölf 🙂 days.",
    reasoning="Let me see.",
    tools=(ToolCall("call_a", "look", '{"q": "ä"}'), ToolCall("call_b", "look", "{}")),
    tokens=Tokens(input=90, output=30, cached=40, reasoning=7),
    piece=3,
)


def writer(body=ASKED):
    return OpenAIDoor().writer(body, reply_id="chatcmpl-1", model="route", created=7)


def reader(*, asked_usage=True):
    return OpenAIChat().reader(asked_usage=asked_usage)


def served(reply=REPLY, body=ASKED) -> bytes:
    streamed = VOICE.stream(Received("/v1/chat/completions", {}, {"model": "m", **body}), reply)
    return b"".join((*streamed.pieces, *streamed.ending))


def events(data: bytes):
    return [json.loads(event.removeprefix("data: ")) for event in data.decode().split("\n\n") if event[:7] == "data: {"]


def choice(index=0, finish=None, **delta):
    return {"index": index, "delta": delta, "finish_reason": finish}


def sent(*choices, **fields) -> bytes:
    return b"data: " + orjson.dumps({"id": "x", "model": "m", "choices": choices, **fields}) + b"\n\n"


@given(replies(), st.data())
def test_what_is_written_is_read_again_as_it_was(deltas, data):
    to = writer()
    written = b"".join(to.write([delta]) for delta in deltas) + to.end()
    by = reader()
    again = read(by, pieces(data, written))
    assert by.done
    assert heard(again) == heard(deltas)
    assert (again[0].id, again[0].model) == ("chatcmpl-1", "route")


@given(st.data())
def test_what_is_read_is_shown_as_it_came(data):
    stream = served()
    by, to = reader(), writer()
    shown = b"".join(to.write(by.feed(chunk)) for chunk in pieces(data, stream))
    assert shown + to.end() == stream


@given(st.data())
def test_what_is_read_is_what_was_served(data):
    by = reader()
    told = heard(read(by, pieces(data, served())))
    assert (told.thought, told.text, told.finish) == (REPLY.reasoning, REPLY.text, "tool_calls")
    assert told.tools == {0: ["call_a", "look", '{"q": "ä"}'], 1: ["call_b", "look", "{}"]}
    assert told.usage == Usage(90, 30, None, cached_tokens=40, reasoning_tokens=7)


def test_usage_that_the_caller_did_not_ask_for_is_not_shown():
    deltas = read(reader(asked_usage=False), [served()])
    assert deltas[-1].usage
    assert deltas[-1].raw == b""
    assert all(event["choices"] for event in events(writer({}).write(deltas)))
    assert b'"usage"' not in writer({}).write([ChatDelta("x"), ChatDelta(finish="stop", usage=Usage(1, 2))])


def test_a_stream_that_is_written_has_the_references_form():
    to = writer()
    data = to.write([ChatDelta("Hi", id="other", model="other"), ChatDelta(finish="length", usage=Usage(3, 4))])
    shape = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "route"}
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert events(data) == [
        shape | {"choices": [choice(role="assistant", content="")], "usage": None},
        shape | {"choices": [choice(content="Hi")], "usage": None},
        shape | {"choices": [choice(finish="length")], "usage": None},
        shape | {"choices": [], "usage": usage},
    ]
    assert to.end() == b"data: [DONE]\n\n"


@given(st.integers(1, 20), replies())
def test_another_provider_goes_on_where_one_broke_off(kept, second):
    shown = read(reader(), [served()])[:kept]
    to = writer()
    second[0].id, second[0].model = "msg_2", "other"
    data = to.write(shown) + to.write(second) + to.end()
    told, first, later = heard(read(reader(), [data])), heard(shown), heard(second)
    assert told.text == first.text + later.text
    assert told.thought == first.thought + later.thought
    assert list(told.tools.values()) == [*first.tools.values(), *later.tools.values()]
    assert {event["id"] for event in events(data)} == {"chatcmpl-fake"}
    assert {event["model"] for event in events(data)} == {"m"}
    calls = [
        call for event in events(data) for each in event["choices"] for call in each["delta"].get("tool_calls", ())
    ]
    assert [call["index"] for call in calls if "id" in call] == list(range(len(told.tools)))
    roles = [each for event in events(data) for each in event["choices"] if "role" in each["delta"]]
    assert len(roles) == 1


def test_a_second_reply_of_the_same_family_is_written_under_the_firsts_name():
    to = writer()
    one = read(reader(), [sent(choice(content="One")), sent(choice(content=" two"))])
    other = read(
        reader(), [sent(choice(role="assistant", content=" three"), id="y"), sent(choice(finish="stop"), id="y")]
    )
    data = to.write(one) + to.write(other)
    assert {event["id"] for event in events(data)} == {"x"}
    assert heard(read(reader(), [data])).text == "One two three"


def test_a_reply_that_was_written_stays_written():
    to = writer()
    data = to.write([ChatDelta("One", id="msg_1")])
    data += to.write(read(reader(), [sent(choice(content=" two"))]))
    assert {event["id"] for event in events(data)} == {"chatcmpl-1"}


def test_a_reply_that_broke_off_ends_with_an_error_and_no_end_marker():
    to = writer()
    to.write([ChatDelta("Hi")])
    told = to.fail(StreamTruncated("The answer broke off", "Ask again."))
    assert b"[DONE]" not in told
    assert events(told) == [
        {
            "error": {
                "message": "The answer broke off. Ask again.",
                "type": "server_error",
                "param": None,
                "code": "stream_truncated",
            }
        }
    ]
    with pytest.raises(ProviderRefused, match="The answer broke off"):
        reader().feed(told)


def test_a_tool_without_an_id_is_given_one():
    data = writer().write([ChatDelta(tool=ToolDelta(0, "", "look", "{}"))])
    assert heard(read(reader(), [data])).tools == {0: ["call_chatcmpl-1_0", "look", "{}"]}


def test_only_the_first_of_several_choices_is_read_and_all_are_shown():
    stream = [
        sent(choice(content="a")),
        sent(choice(1, content="b")),
        sent(choice(1, content="c"), choice(content="d")),
    ]
    deltas = read(reader(), stream)
    assert heard(deltas).text == "ad"
    assert b"".join(delta.raw for delta in deltas) == b"".join(stream)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        pytest.param(
            [sent(choice(reasoning="hm", content="")), sent(choice(finish="eos", content="x"))],
            ["x", "hm", {}, "stop"],
            id="vLLM's and OpenRouter's names",
        ),
        pytest.param(
            [
                sent(choice(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}])),
                sent(choice(content=[{"type": "text", "text": "x"}], finish="model_length")),
            ],
            ["x", "hm", {}, "length"],
            id="Mistral's thoughts",
        ),
        pytest.param(
            [
                sent(
                    choice(
                        tool_calls=[
                            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                            {"index": 0, "id": "b", "function": {"name": "g", "arguments": {"x": 1}}},
                        ],
                        finish="stop",
                    )
                )
            ],
            ["", "", {0: ["a", "f", "{}"], 1: ["b", "g", '{"x":1}']}, "tool_calls"],
            id="calls that share an index, finished with stop",
        ),
        pytest.param(
            [sent(choice(refusal="I will not.")), sent(choice(finish="stop"))],
            ["I will not.", "", {}, "content_filter"],
            id="a refusal",
        ),
        pytest.param(
            [sent(id="", model="", prompt_filter_results=[]), sent(choice(content="x")), sent(choice(finish="stop"))],
            ["x", "", {}, "stop"],
            id="Azure's filter results",
        ),
        pytest.param(
            [sent(choice(content="x"), usage={"prompt_tokens": 1}), sent(choice(finish="stop"))],
            ["x", "", {}, "stop"],
            id="usage all along",
        ),
    ],
)
def test_servers_in_the_wild(stream, told):
    deltas = read(reader(), stream)
    all_ = heard(deltas)
    assert [all_.text, all_.thought, all_.tools, all_.finish] == told
    assert b"".join(delta.raw for delta in deltas) == b"".join(stream)
    assert [delta.finish for delta in deltas].index(all_.finish) == len(deltas) - 1


@pytest.mark.parametrize(
    ("event", "error", "says"),
    [
        (b'data: {"choices": [{"delta": {"cont\n\n', ProviderError, "cannot be read"),
        (b"data: []\n\n", ProviderError, "cannot be read"),
        (b'data: {"unexpected": true}\n\n', ProviderError, "choices"),
        (b'data: {"choices": [{"delta": {"content": 3}}]}\n\n', ProviderError, "not text"),
        (b'data: {"choices": [3]}\n\n', ProviderError, "cannot be read"),
        (sent(choice(finish="abort")), ProviderError, "for the reason 'abort'"),
        (b'data: {"error": {"message": "slow", "code": 429}}\n\n', ProviderThrottled, "429: slow"),
        (b'data: {"object": "error", "message": "broken", "code": 500}\n\n', ProviderRefused, "500: broken"),
    ],
)
def test_what_is_not_the_protocol_is_an_error(event, error, says):
    by = reader()
    by.feed(sent(choice(content="x")))
    with pytest.raises(error, match=says):
        by.feed(event)


def test_a_stream_without_its_end_is_not_done():
    by = reader()
    by.feed(served()[:-20])
    assert not by.done


def test_thoughts_keep_to_themselves():
    thought = ChatDelta(reasoning=Reasoning("", signature="s", family="anthropic"))
    assert heard(read(reader(), [writer().write(to_be_written([thought, ChatDelta("x")]))])).text == "x"
