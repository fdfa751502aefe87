"""Chat completions as requests: read, written, forwarded."""

from base64 import b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, RequestRejected
from aver.gateway.types import (
    ChatRequest,
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
)
from aver.gateway.wire.openai import OpenAIChat, OpenAIDoor
from aver.gateway.wire.types import Endpoint

AT = Endpoint("https://models.example/v1", "m-1")
CHAT = OpenAIChat()
DOOR = OpenAIDoor()


def written(chat, endpoint=AT, *, stream=False):
    return orjson.loads(CHAT.request(chat, endpoint, stream=stream).body)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: b64encode(data).decode())
TEXTS = st.builds(Text, WORDS)
IMAGES = st.one_of(
    st.builds(Image, media_type=st.sampled_from(["image/png", "image/jpeg"]), data=BASE64),
    st.builds(
        Image, url=WORDS.map(lambda word: f"https://pictures.example/{word}"), detail=st.sampled_from(["", "low"])
    ),
)
FILES = st.one_of(
    st.builds(File, media_type=st.just("application/pdf"), data=BASE64, name=NAMES),
    st.builds(File, media_type=st.sampled_from(["audio/mpeg", "audio/wav"]), data=BASE64),
    st.builds(File, id=NAMES),
)
CONTENT = st.one_of(WORDS, st.lists(TEXTS, min_size=2, max_size=3).map(tuple))
ASKED = st.one_of(WORDS, st.lists(st.one_of(IMAGES, FILES), min_size=1, max_size=3).map(tuple))
OBJECTS = st.dictionaries(NAMES, st.one_of(WORDS, st.integers(-9, 9), st.booleans()), max_size=2)
CALLS = st.builds(ToolCall, NAMES, NAMES, OBJECTS.map(lambda value: orjson.dumps(value).decode()))


@st.composite
def exchanges(draw):
    """A tool's call and what it gave."""
    calls = draw(st.lists(CALLS, min_size=1, max_size=3, unique_by=lambda call: call.id))
    said = draw(st.lists(TEXTS, max_size=1))
    thought = [Reasoning(draw(WORDS), family="openai")] if draw(st.booleans()) else []
    given = tuple(ToolResult(call.id, (Text(draw(WORDS)),), name=call.name) for call in calls)
    return [Message("assistant", (*thought, *said, *calls)), Message("user", given)]


@st.composite
def requests(draw):
    messages = [Message("system", draw(CONTENT))] if draw(st.booleans()) else []
    messages.append(Message("user", draw(ASKED)))
    for _ in range(draw(st.integers(0, 2))):
        messages += draw(st.one_of(exchanges(), st.builds(Message, st.just("assistant"), CONTENT).map(lambda m: [m])))
        messages.append(Message("user", draw(ASKED)))
    tools = st.one_of(
        st.builds(Tool, NAMES, st.one_of(st.just(""), WORDS), OBJECTS, st.one_of(st.none(), st.booleans())),
        st.builds(Opaque, st.just("openai"), st.just({"type": "custom", "custom": {"name": "free"}})),
    )
    formats = st.builds(OutputFormat, OBJECTS, NAMES, st.booleans())
    return ChatRequest(
        tuple(messages),
        max_tokens=draw(st.one_of(st.none(), st.integers(1, 9))),
        temperature=draw(st.one_of(st.none(), st.floats(0, 2))),
        top_p=draw(st.one_of(st.none(), st.floats(0, 1))),
        stop=tuple(draw(st.lists(WORDS, max_size=2))),
        seed=draw(st.one_of(st.none(), st.integers(0, 9))),
        tools=tuple(draw(st.lists(tools, max_size=2))),
        tool_choice=draw(st.sampled_from([None, "auto", "none", "required", "tool:look"])),
        parallel_tools=draw(st.sampled_from([None, True, False])),
        output=draw(st.one_of(st.none(), st.just(OutputFormat()), formats)),
        effort=draw(st.sampled_from([None, "none", "minimal", "low", "medium", "high"])),
        user=draw(st.one_of(st.just(""), WORDS)),
        extra=draw(st.sampled_from([{}, {"n": 2, "logit_bias": {"7": -1}}, {"reasoning_effort": "xhigh"}])),
        family="openai",
    )


@given(requests())
def test_what_is_written_is_read_again_as_it_was(chat):
    again = DOOR.chat(written(chat))
    if "reasoning_effort" in chat.extra:
        assert again.effort == "high"
        assert again.extra == chat.extra
        return
    assert again == chat


def test_a_body_of_the_reference_is_read():
    chat = DOOR.chat(
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "high"}},
                        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
                        {
                            "type": "file",
                            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
                        },
                        {"type": "video_url", "video_url": {"url": "https://films.example/1"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                        {"id": "call_2", "type": "custom", "custom": {"name": "free", "input": "x"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
                {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "a dog"}]},
                {"role": "user", "content": "Which?"},
            ],
            "max_completion_tokens": 50,
            "max_tokens": 90,
            "stop": "\n",
            "response_format": {"type": "json_schema", "json_schema": {"name": "pet", "schema": {"type": "object"}}},
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "stream": True,
            "stream_options": {"include_usage": True},
            "top_logprobs": 3,
        }
    )
    custom = {"id": "call_2", "type": "custom", "custom": {"name": "free", "input": "x"}}
    assert chat == ChatRequest(
        (
            Message("system", "Be brief."),
            Message(
                "user",
                (
                    Text("What is this?", cache=True),
                    Image("image/png", "QUJD", detail="high"),
                    File("audio/mpeg", "QUJD"),
                    File("application/pdf", "QUJD", name="a.pdf"),
                    Opaque("openai", {"type": "video_url", "video_url": {"url": "https://films.example/1"}}),
                ),
            ),
            Message("assistant", (ToolCall("call_1", "look", "{}"), Opaque("openai", custom))),
            Message(
                "user", (ToolResult("call_1", (Text("a cat"),), name="look"), ToolResult("call_2", (Text("a dog"),)))
            ),
            Message("user", "Which?"),
        ),
        max_tokens=50,
        stop=("\n",),
        output=OutputFormat({"type": "object"}, "pet", strict=False),
        tool_choice="tool:look",
        extra={"top_logprobs": 3},
        family="openai",
    )
    assert written(chat)["messages"][2]["tool_calls"][1] == custom


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}, "messages.0.content.0.text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            "image_url.url is not a data URL",
        ),
        ({"messages": [{"role": "function", "content": "x"}]}, "retired"),
        ({"messages": [{"role": "user", "content": "x"}], "functions": [{}]}, "retired"),
        ({"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}, "temperature"),
        ({"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {}}]}, "tools.0"),
        ({"messages": [{"role": "user", "content": "x"}], "tool_choice": 3}, "tool_choice"),
        ({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "xml"}}, "response_format.type"),
        ({"messages": [{"role": "user", "content": "x"}], "stop": [3]}, "stop"),
    ],
)
def test_a_wrong_field_is_named(body, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        DOOR.chat(body)
    assert caught.value.next_step.endswith(".")


def test_another_familys_thoughts_stay_out_and_its_fields_are_said_to_be_dropped():
    said = Message("assistant", (Reasoning("hm", "signed", family="anthropic"), Text("Yes.")))
    chat = ChatRequest((Message("user", "Well?"), said), extra={"top_k": 3}, family="anthropic", thinking_tokens=2048)
    request = CHAT.request(chat, AT, stream=False)
    body = orjson.loads(request.body)
    assert body["messages"][1] == {"role": "assistant", "content": "Yes."}
    assert "top_k" not in body
    assert request.dropped == ("thinking_tokens", "top_k")


@pytest.mark.parametrize(
    "part",
    [File(url="https://files.example/1"), Opaque("anthropic", {"type": "document"}), ToolCall("1", "look", "{}")],
)
def test_what_cannot_be_said_is_refused(part):
    with pytest.raises(RequestRejected, match="no place"):
        CHAT.request(ChatRequest((Message("user", (part,)),)), AT, stream=False)
    tool = Opaque("anthropic", {"type": "web_search"})
    with pytest.raises(RequestRejected, match="no place"):
        CHAT.request(ChatRequest((Message("user", "x"),), tools=(tool,)), AT, stream=False)


def test_an_image_that_a_tool_gave_follows_in_the_users_message():
    result = ToolResult("call_1", (Text("seen"), Image(url="https://pictures.example/1")))
    body = written(ChatRequest((Message("user", (result, Text("And?"))),)))
    assert body["messages"] == [
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "With the result of call_1:"},
                {"type": "image_url", "image_url": {"url": "https://pictures.example/1"}},
                {"type": "text", "text": "And?"},
            ],
        },
    ]


def test_lone_surrogates_become_question_marks():
    assert written(ChatRequest((Message("user", "a\ud800b"),)))["messages"][0]["content"] == "a?b"


@pytest.mark.parametrize(
    ("base_url", "model", "options", "field"),
    [
        ("https://models.example/v1", "llama-3", {}, "max_tokens"),
        ("https://api.openai.com/v1", "gpt-4o", {}, "max_completion_tokens"),
        ("https://models.example/v1", "openai/o3-mini", {}, "max_completion_tokens"),
        ("https://models.example/v1", "gpt-5-nano", {}, "max_completion_tokens"),
        ("https://models.example/v1", "gpt-5-nano", {"max_tokens_field": "max_tokens"}, "max_tokens"),
    ],
)
def test_the_bound_goes_by_the_name_that_is_understood_there(base_url, model, options, field):
    endpoint = Endpoint(base_url, model, options)
    assert written(ChatRequest((Message("user", "x"),), max_tokens=5), endpoint)[field] == 5
    for asked in ("max_tokens", "max_completion_tokens"):
        sent = orjson.loads(CHAT.forward({asked: 5}, endpoint, stream=False).body)
        assert sent == {"model": model, field: 5}


def test_models_that_refuse_a_temperature_are_not_given_one():
    request = CHAT.request(
        ChatRequest((Message("user", "x"),), temperature=0.2), Endpoint("https://x", "o3"), stream=False
    )
    assert request.dropped == ("temperature",)
    assert "temperature" not in orjson.loads(request.body)
    assert written(ChatRequest((Message("user", "x"),), thinking_tokens=8000), Endpoint("https://x", "o3")) == {
        "model": "o3",
        "messages": [{"role": "user", "content": "x"}],
        "reasoning_effort": "medium",
    }


def test_forwarding_changes_the_model_and_nothing_else():
    body = {"model": "alias", "messages": [{"role": "user", "content": "x"}], "unknown": {"a": [1]}, "n": 2}
    before = orjson.dumps(body)
    request = CHAT.forward(body, AT, stream=False)
    assert orjson.loads(request.body) == body | {"model": "m-1"}
    assert request.url == "https://models.example/v1/chat/completions"
    assert orjson.dumps(body) == before


def test_a_forwarded_stream_asks_for_its_usage():
    sent = orjson.loads(CHAT.forward({"stream_options": {"x": 1}}, AT, stream=True).body)
    assert sent == {"model": "m-1", "stream": True, "stream_options": {"x": 1, "include_usage": True}}
    assert orjson.loads(CHAT.forward(sent, AT, stream=False).body) == {"model": "m-1"}
    older = Endpoint("https://models.example/v1", "m-1", {"stream_usage": "no"})
    assert orjson.loads(CHAT.forward({}, older, stream=True).body) == {"model": "m-1", "stream": True}
    assert "stream_options" not in written(ChatRequest((Message("user", "x"),)), older, stream=True)


@pytest.mark.parametrize(
    ("asked", "most", "sent"),
    [
        ({}, 7, 7),
        ({"max_tokens": 5}, 7, 5),
        ({"max_tokens": 9}, 7, 7),
        ({"max_tokens": None}, 7, 7),
        ({"max_tokens": "many"}, 7, 7),
        ({"max_tokens": 9, "max_completion_tokens": 4}, 7, 4),
        ({"max_tokens": 9}, None, 9),
    ],
)
def test_the_output_is_bounded(asked, most, sent):
    assert orjson.loads(CHAT.forward(asked, AT, stream=False, max_tokens=most).body)["max_tokens"] == sent
