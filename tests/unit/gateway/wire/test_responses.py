"""The responses protocol: requests and whole replies."""

from base64 import b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, ProviderError, ProviderRefused, ProviderThrottled, RequestRejected
from aver.gateway.types import (
    ChatRequest,
    Completion,
    File,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from aver.gateway.wire.responses import ResponsesChat, ResponsesDoor
from aver.gateway.wire.types import Endpoint

AT = Endpoint("https://models.example/v1", "m-1")
CHAT = ResponsesChat()
DOOR = ResponsesDoor()
NAMED = {"reply_id": "resp_1", "model": "route", "created": 7}


def written(chat, endpoint=AT, *, stream=False):
    return orjson.loads(CHAT.request(chat, endpoint, stream=stream).body)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: b64encode(data).decode())
TEXTS = st.builds(Text, WORDS)
SHOWN = st.one_of(
    TEXTS,
    st.builds(Image, media_type=st.just("image/png"), data=BASE64, detail=st.sampled_from(["auto", "low"])),
    st.builds(File, media_type=st.just("application/pdf"), data=BASE64, name=NAMES),
    st.builds(File, url=WORDS.map(lambda word: f"https://files.example/{word}")),
    st.builds(File, id=NAMES),
)
ASKED = st.lists(SHOWN, min_size=1, max_size=3).map(tuple)
OBJECTS = st.dictionaries(NAMES, st.one_of(WORDS, st.integers(-9, 9)), max_size=2)
CALLS = st.builds(ToolCall, NAMES, NAMES, OBJECTS.map(lambda value: orjson.dumps(value).decode()))
THOUGHTS = st.builds(Reasoning, WORDS, data=WORDS, family=st.just("responses"), id=NAMES)
OWN = st.just(Opaque("responses", {"type": "web_search_call", "id": "ws_1", "status": "completed"}))


@st.composite
def turns(draw):
    """What the assistant did, and what it was given."""
    calls = draw(st.lists(CALLS, max_size=3, unique_by=lambda call: call.id))
    said = draw(st.lists(st.one_of(THOUGHTS, OWN), max_size=2)) + draw(st.lists(TEXTS, min_size=0 if calls else 1))
    given = tuple(ToolResult(call.id, draw(ASKED), name=call.name) for call in calls)
    turn = [Message("assistant", (*said, *calls))]
    return [*turn, Message("user", given)] if calls else turn


@st.composite
def requests(draw):
    messages = [Message("system", (draw(TEXTS),))] if draw(st.booleans()) else []
    messages.append(Message("user", draw(ASKED)))
    for _ in range(draw(st.integers(0, 2))):
        messages += [*draw(turns()), Message("user", draw(ASKED))]
    tools = st.one_of(
        st.builds(Tool, NAMES, st.one_of(st.just(""), WORDS), OBJECTS, st.one_of(st.none(), st.booleans())),
        st.just(Opaque("responses", {"type": "web_search"})),
    )
    formats = st.builds(OutputFormat, OBJECTS, NAMES, st.booleans())
    extra = {"include": ["reasoning.encrypted_content"], "store": True, "reasoning": {"summary": "auto"}}
    return ChatRequest(
        tuple(messages),
        max_tokens=draw(st.one_of(st.none(), st.integers(1, 9))),
        temperature=draw(st.one_of(st.none(), st.floats(0, 2))),
        top_p=draw(st.one_of(st.none(), st.floats(0, 1))),
        tools=tuple(draw(st.lists(tools, max_size=2))),
        tool_choice=draw(st.sampled_from([None, "auto", "none", "required", "tool:look"])),
        parallel_tools=draw(st.sampled_from([None, True, False])),
        output=draw(st.one_of(st.none(), st.just(OutputFormat()), formats)),
        effort=draw(st.sampled_from([None, "none", "minimal", "low", "medium", "high"])),
        user=draw(st.one_of(st.just(""), WORDS)),
        extra=draw(st.sampled_from([{}, extra, {"text": {"verbosity": "low"}}])),
        family="responses",
    )


def as_parts(chat):
    return [(message.role, message.parts) for message in chat.messages]


@given(requests())
def test_what_is_written_is_read_again_as_it_was(chat):
    again = DOOR.chat(written(chat))
    assert as_parts(again) == as_parts(chat)
    for name in ChatRequest.__slots__:
        if name != "messages":
            assert getattr(again, name) == getattr(chat, name), name


def test_a_body_of_the_reference_is_read():
    chat = DOOR.chat(
        {
            "model": "gpt-5",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "What is this?"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xyz"},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
                {
                    "type": "message",
                    "role": "assistant",
                    "id": "msg_1",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "A cat.", "annotations": []}],
                },
                {"role": "user", "content": [{"type": "input_text", "text": "Sure?"}]},
            ],
            "tools": [
                {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "look"},
            "text": {
                "format": {"type": "json_schema", "name": "pet", "schema": {}, "strict": True},
                "verbosity": "low",
            },
            "reasoning": {"effort": "xhigh", "summary": "auto"},
            "max_output_tokens": 50,
            "store": False,
        }
    )
    assert chat == ChatRequest(
        (
            Message("system", "Be brief."),
            Message("user", (Text("What is this?"),)),
            Message(
                "assistant", (Reasoning(data="xyz", family="responses", id="rs_1"), ToolCall("call_1", "look", "{}"))
            ),
            Message("user", (ToolResult("call_1", (Text("a cat"),), name="look"),)),
            Message("assistant", (Text("A cat."),)),
            Message("user", (Text("Sure?"),)),
        ),
        max_tokens=50,
        tools=(Tool("look", "", {"type": "object"}, True), Opaque("responses", {"type": "web_search"})),
        tool_choice="tool:look",
        output=OutputFormat({}, "pet"),
        effort="high",
        extra={"store": False, "reasoning": {"effort": "xhigh", "summary": "auto"}, "text": {"verbosity": "low"}},
        family="responses",
    )
    assert written(chat)["reasoning"] == {"effort": "xhigh", "summary": "auto"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": 3}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input.0.content.0.type"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input.0.type 'item_reference'"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id names what only its provider keeps"),
        ({"input": "x", "conversation": "conv_1"}, "conversation names"),
        ({"input": "x", "tools": [{"type": "function"}]}, "tools.0.name"),
        ({"input": "x", "tool_choice": 3}, "tool_choice"),
        ({"input": "x", "text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"input": "x", "reasoning": "hard"}, "reasoning"),
    ],
)
def test_a_wrong_field_is_named(body, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        DOOR.chat(body)
    assert caught.value.next_step.endswith(".")


def test_another_familys_caller_keeps_nothing_at_the_provider():
    chat = ChatRequest(
        (Message("user", "x"), Message("assistant", (Reasoning("hm", "s", family="anthropic"), Text("y")))),
        stop=("\n",),
        seed=3,
        tools=(Tool("look"),),
        extra={"top_k": 3},
        family="anthropic",
    )
    request = CHAT.request(chat, AT, stream=True)
    assert request.url == "https://models.example/v1/responses"
    assert request.dropped == ("stop", "seed", "top_k")
    assert orjson.loads(request.body) == {
        "model": "m-1",
        "input": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
        "stream": True,
        "store": False,
        "tools": [{"type": "function", "name": "look", "parameters": {}, "strict": False}],
    }


def test_what_cannot_be_said_is_refused():
    for part in (Opaque("anthropic", {"type": "document"}), Opaque("openai", {"type": "video_url"})):
        with pytest.raises(RequestRejected, match="responses protocol has no place"):
            CHAT.request(ChatRequest((Message("user", (part,)),)), AT, stream=False)


@pytest.mark.parametrize(("asked", "most", "sent"), [(None, 7, 7), (5, 7, 5), (9, 7, 7), (9, None, 9)])
def test_forwarding_changes_the_model_and_bounds_the_output(asked, most, sent):
    body = {"model": "alias", "input": "x", "previous_response_id": "resp_0", "max_output_tokens": asked}
    request = CHAT.forward(body, AT, stream=True, max_tokens=most)
    assert orjson.loads(request.body) == body | {"model": "m-1", "stream": True, "max_output_tokens": sent}
    assert body["model"] == "alias"


def reply(*output, **fields):
    return {"id": "resp_9", "object": "response", "model": "m", "status": "completed", "output": output, **fields}


def said(text):
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


CALLED = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"}


@pytest.mark.parametrize(
    ("body", "parts", "finish"),
    [
        (reply(said("Hi")), (Text("Hi"),), "stop"),
        (
            reply({"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}, {"text": "b"}]}, said("Hi"), CALLED),
            (Reasoning("a\n\nb", family="responses", id="rs_1"), Text("Hi"), ToolCall("call_1", "look", "{}")),
            "tool_calls",
        ),
        (
            reply(said("Hi"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            (Text("Hi"),),
            "length",
        ),
        (reply(status="incomplete", incomplete_details={"reason": "content_filter"}), (), "content_filter"),
        (
            reply({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}),
            (Text("No."),),
            "content_filter",
        ),
        (
            reply({"type": "web_search_call"}, said("Hi")),
            (Opaque("responses", {"type": "web_search_call"}), Text("Hi")),
            "stop",
        ),
    ],
)
def test_replies_are_read(body, parts, finish):
    data = orjson.dumps(body)
    assert CHAT.completion(data) == Completion(parts, finish, None, "resp_9", "m", "responses", data)
    assert DOOR.completion(CHAT.completion(data), {}, **NAMED) == data


def test_usage_is_read():
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 6},
        "total_tokens": 17,
    }
    told = CHAT.completion(orjson.dumps(reply(said("Hi"), usage=usage))).usage
    assert told == Usage(9, 8, None, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=6)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (b"<html>", ProviderError, "cannot be read"),
        (b'{"unexpected": true}', ProviderError, "cannot be read"),
        (orjson.dumps(reply()), ProviderError, "no output"),
        (
            orjson.dumps(reply(status="failed", error={"code": "server_error", "message": "broke"})),
            ProviderRefused,
            "broke",
        ),
        (
            orjson.dumps(reply(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"})),
            ProviderThrottled,
            "slow",
        ),
        (
            orjson.dumps(reply(said("x"), status="incomplete", incomplete_details={"reason": "odd"})),
            ProviderError,
            "'odd'",
        ),
        (orjson.dumps(reply(status="queued")), ProviderError, "'queued'"),
    ],
)
def test_what_is_no_reply_is_an_error(body, error, says):
    with pytest.raises(error, match=says):
        CHAT.completion(body)


@given(
    st.lists(st.one_of(THOUGHTS, CALLS, TEXTS), min_size=1, max_size=5),
    st.sampled_from(["length", "content_filter", None]),
)
def test_a_reply_that_is_written_is_read_again_as_it_was(parts, finish):
    finish = finish or ("tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop")
    usage = Usage(5, 6, None, cached_tokens=1, reasoning_tokens=2)
    data = DOOR.completion(Completion(tuple(parts), finish, usage, family="openai"), {"metadata": {"a": "b"}}, **NAMED)
    again = CHAT.completion(data)
    assert again.text == "".join(part.text for part in parts if isinstance(part, Text))
    kept = [part for part in parts if not isinstance(part, Text)]
    assert [part for part in again.parts if not isinstance(part, Text)] == kept
    assert (again.finish, again.usage, again.id, again.model) == (finish, usage, "resp_1", "route")
    assert orjson.loads(data)["metadata"] == {"a": "b"}
