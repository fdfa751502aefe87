"""Requests of Anthropic's protocol: read into Aver's terms, written out of another family's, and passed on."""

import base64
import json

import pytest

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
from aver.gateway.wire.anthropic import AnthropicChat, AnthropicDoor
from aver.gateway.wire.types import Endpoint

OLD = Endpoint("https://api.anthropic.com", "claude-sonnet-4-5-20250929")
NEW = Endpoint("https://api.anthropic.com", "claude-opus-4-8")
CACHED = {"cache_control": {"type": "ephemeral"}}
HELLO = (Message("user", "Hello"),)


def chat(**body):
    return AnthropicDoor().chat(
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **body}
    )


def request(*messages, endpoint=OLD, stream=False, **fields):
    return AnthropicChat().request(ChatRequest(messages or HELLO, **fields), endpoint, stream=stream)


def sent(*messages, **fields):
    return json.loads(request(*messages, **fields).body)


def forwarded(body, endpoint=OLD, **options):
    return json.loads(AnthropicChat().forward(body, endpoint, **{"stream": False, **options}).body)


def test_a_request_is_read_with_every_block():
    blocks = [
        {"type": "text", "text": "Look", **CACHED},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}, **CACHED},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}, "title": "A"},
        {"type": "document", "source": {"type": "file", "file_id": "file_2"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plain"}, "title": "T"},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "In parts"}]}},
        {"type": "search_result", "title": "S", "source": "s.md", "content": [{"type": "text", "text": "Found"}]},
        {"type": "container_upload", "file_id": "file_3"},
    ]
    asked = chat(messages=[{"role": "user", "content": blocks}])
    assert asked.messages[0].content == (
        Text("Look", cache=True),
        Image("image/png", "aW1n"),
        Image(url="https://example.com/a.png", cache=True),
        Opaque("anthropic", blocks[3]),
        File("application/pdf", "JVBERg=="),
        File("application/pdf", url="https://example.com/a.pdf", name="A"),
        File(id="file_2"),
        Text("T\n\nPlain"),
        Text("In parts"),
        Text("S\ns.md"),
        Text("Found"),
        Opaque("anthropic", blocks[10]),
    )


def test_calls_results_and_thoughts_are_read():
    asked = chat(
        system=[{"type": "text", "text": "Be brief", **CACHED}],
        messages=[
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "eA=="},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"at": "Köln"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": True,
                        "content": [{"type": "text", "text": "no"}],
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "yes", **CACHED},
                    {"type": "tool_result", "tool_use_id": "toolu_1"},
                ],
            },
        ],
    )
    system, _, called, results = asked.messages
    assert system == Message("system", (Text("Be brief", cache=True),))
    assert called.parts == (
        Reasoning("Hm", "c2ln", family="anthropic"),
        Reasoning(data="eA==", family="anthropic"),
        ToolCall("toolu_1", "weather", '{"at":"Köln"}'),
    )
    assert results.parts == (
        ToolResult("toolu_1", (Text("no"),), error=True, name="weather"),
        ToolResult("toolu_1", (Text("yes"),), name="weather", cache=True),
        ToolResult("toolu_1", (), name="weather"),
    )


def test_everything_but_messages_is_read():
    search = {"type": "web_search_20250305", "name": "web_search"}
    asked = chat(
        system="Be brief",
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["END"],
        metadata={"user_id": "u1"},
        service_tier="auto",
        tools=[{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True, **CACHED}, search],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2000},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        future=1,
    )
    assert asked == ChatRequest(
        (Message("system", "Be brief"), Message("user", "Hi")),
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        tools=(Tool("f", "d", {"type": "object"}, True, True), Opaque("anthropic", search)),
        tool_choice="tool:f",
        parallel_tools=False,
        output=OutputFormat({"type": "object"}),
        effort="low",
        thinking_tokens=2000,
        user="u1",
        extra={"top_k": 5, "service_tier": "auto", "future": 1},
        family="anthropic",
    )


@pytest.mark.parametrize(
    ("body", "effort", "extra"),
    [
        ({"thinking": {"type": "disabled"}}, "none", {}),
        ({"thinking": {"type": "adaptive"}}, None, {"thinking": {"type": "adaptive"}}),
        ({"output_config": {"effort": "max"}}, "high", {"output_config": {"effort": "max"}}),
        ({"metadata": {"user_id": "", "more": 1}}, None, {"metadata": {"more": 1}}),
    ],
)
def test_what_only_anthropic_says_is_kept_beside_what_others_understand(body, effort, extra):
    asked = chat(**body)
    assert (asked.effort, asked.extra) == (effort, extra)


@pytest.mark.parametrize(("choice", "known"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_a_choice_of_tools_is_read(choice, known):
    assert chat(tool_choice={"type": choice}).tool_choice == known


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.source"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}]}, "content.0.name"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ({"temperature": "warm"}, "temperature"),
        ({"thinking": "hard"}, "thinking"),
    ],
)
def test_a_wrong_field_is_named(body, named):
    with pytest.raises(InvalidInput, match=named):
        chat(**body)


def test_a_request_of_another_family_is_written():
    asked = request(
        Message("system", "Be brief"),
        Message("user", (Text("Look", cache=True), Image(url="https://example.com/a.png"))),
        Message("assistant", (Text(""), ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "f", ""))),
        Message("user", (ToolResult("call_1", (Text("one"),)),)),
        Message("user", (ToolResult("call_2", (Text("two"), Image("image/png", "aW1n")), error=True),)),
        Message("user", "Go on"),
        temperature=0.3,
        top_p=0.8,
        stop=("END", "\n"),
        seed=1,
        tools=(Tool("f", "d", {"properties": {}}),),
        tool_choice="required",
        parallel_tools=False,
        user="u1",
        extra={"logit_bias": {}},
        family="openai",
        stream=True,
    )
    assert asked.url == "https://api.anthropic.com/v1/messages"
    assert set(asked.dropped) == {"stop", "top_p", "seed", "logit_bias"}
    assert json.loads(asked.body) == {
        "model": "claude-sonnet-4-5-20250929",
        "max_tokens": 4096,
        "system": "Be brief",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look", **CACHED},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
                    {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "call_2",
                        "is_error": True,
                        "content": [
                            {"type": "text", "text": "two"},
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"},
                            },
                        ],
                    },
                    {"type": "text", "text": "Go on"},
                ],
            },
        ],
        "stream": True,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "temperature": 0.3,
    }


def test_results_of_tools_come_before_what_else_the_user_says():
    asked = sent(
        Message("user", "Hi"),
        Message("assistant", (ToolCall("a", "f", "{}"),)),
        Message("user", (Text("Here"), ToolResult("a", (Text("1"),)))),
    )
    assert [block["type"] for block in asked["messages"][2]["content"]] == ["tool_result", "text"]


def test_calls_without_tools_are_explained_so_that_the_conversation_is_accepted():
    asked = sent(
        Message("user", "Hi"),
        Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))),
        Message("user", (ToolResult("a", ()), ToolResult("b", ()))),
    )
    assert asked["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert asked["tool_choice"] == {"type": "none"}


def test_an_id_that_anthropic_refuses_is_replaced_alike_in_call_and_result():
    asked = sent(
        Message("user", "Hi"),
        Message("assistant", (ToolCall("functions.f:0", "f", "{}"),)),
        Message("user", (ToolResult("functions.f:0", ()),)),
    )
    call, result = asked["messages"][1]["content"][0]["id"], asked["messages"][2]["content"][0]["tool_use_id"]
    assert call == result
    assert call.startswith("toolu_")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [("{", {"malformed_arguments": "{"}), ("[1]", {"value": [1]}), ("", {}), ('{"a":1}', {"a": 1})],
)
def test_arguments_are_sent_as_an_object_whatever_a_model_wrote(arguments, given):
    asked = sent(Message("user", "Hi"), Message("assistant", (ToolCall("a", "f", arguments),)))
    assert asked["messages"][1]["content"][0]["input"] == given


def test_a_conversation_begins_with_the_user_and_never_with_nothing():
    assert sent(Message("assistant", "Hello"), Message("user", "Hi"))["messages"][0]["role"] == "user"
    alone = sent(Message("system", "Say hello"))
    assert alone["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hello"}]}]
    assert "system" not in alone


def test_an_answer_that_is_begun_ends_without_white_space():
    asked = sent(Message("user", "Hi"), Message("assistant", "Twenty \n"))
    assert asked["messages"][1]["content"][0]["text"] == "Twenty"
    assert len(sent(Message("user", "Hi"), Message("assistant", " "))["messages"]) == 1


@pytest.mark.parametrize(
    ("options", "asked", "expected"),
    [({}, None, 4096), ({"max_output": "900"}, None, 900), ({"max_output": "900"}, 5000, 900)],
)
def test_the_bound_of_the_output_is_the_callers_or_the_endpoints(options, asked, expected):
    assert sent(endpoint=Endpoint(OLD.base_url, OLD.model, options), max_tokens=asked)["max_tokens"] == expected


@pytest.mark.parametrize(
    ("model", "fields", "written", "dropped"),
    [
        ("claude-opus-4-8", {"effort": "minimal"}, {"type": "adaptive"}, ()),
        ("claude-sonnet-5", {"thinking_tokens": 9000}, {"type": "adaptive"}, ()),
        ("claude-sonnet-4-5", {"effort": "medium"}, {"type": "enabled", "budget_tokens": 8192}, ()),
        ("claude-3-7-sonnet-20250219", {"thinking_tokens": 5}, {"type": "enabled", "budget_tokens": 1024}, ()),
        ("claude-sonnet-4-5", {"effort": "high", "max_tokens": 2000}, {"type": "enabled", "budget_tokens": 1999}, ()),
        ("claude-sonnet-4-5", {"effort": "high", "max_tokens": 900}, None, ("effort",)),
        ("claude-3-5-haiku-20241022", {"effort": "low"}, None, ("effort",)),
        ("claude-3-5-haiku-20241022", {"effort": "none"}, None, ()),
        ("claude-opus-4-8", {"effort": "none"}, {"type": "disabled"}, ()),
        ("deepseek-chat", {"effort": "low"}, {"type": "enabled", "budget_tokens": 2048}, ()),
        (
            "claude-opus-4-8",
            {"effort": "low", "tools": (Tool("f"),), "tool_choice": "required"},
            None,
            ("effort",),
        ),
    ],
)
def test_each_model_is_told_to_think_as_it_understands(model, fields, written, dropped):
    asked = request(endpoint=Endpoint(OLD.base_url, model), **fields)
    body = json.loads(asked.body)
    assert body.get("thinking") == written
    assert asked.dropped == dropped
    if written and "budget_tokens" in written:
        assert body["max_tokens"] > written["budget_tokens"]


def test_a_budget_of_thought_leaves_the_answer_its_room_where_no_bound_was_asked_for():
    assert sent(effort="high")["max_tokens"] == 4096 + 16384


def test_a_model_that_thinks_for_a_budget_does_not_go_on_from_another_models_call():
    history = (
        Message("user", "Hi"),
        Message("assistant", (Reasoning("Hm", "sig", family="gemini"), ToolCall("a", "f", "{}"))),
        Message("user", (ToolResult("a", ()),)),
    )
    asked = request(*history, effort="low")
    assert "thinking" not in json.loads(asked.body)
    assert asked.dropped == ("effort",)
    assert json.loads(request(*history, effort="low", endpoint=NEW).body)["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "fields", "left", "dropped"),
    [
        ("claude-sonnet-4-5", {"temperature": 0.2}, {"temperature": 0.2}, ()),
        ("claude-sonnet-4-5", {"temperature": 1.7}, {"temperature": 1.0}, ("temperature",)),
        ("claude-sonnet-4-5", {"top_p": 0.2}, {"top_p": 0.2}, ()),
        ("claude-sonnet-4-5", {"temperature": 0.2, "effort": "low"}, {}, ("temperature",)),
        ("claude-opus-4-7", {"temperature": 0.2, "top_p": 0.1}, {}, ("temperature", "top_p")),
        ("some-name", {"temperature": 0.2}, {"temperature": 0.2}, ()),
    ],
)
def test_sampling_is_left_out_where_a_model_refuses_it(model, fields, left, dropped):
    asked = request(endpoint=Endpoint(OLD.base_url, model), **fields)
    assert {name: each for name, each in json.loads(asked.body).items() if name in ("temperature", "top_p")} == left
    assert asked.dropped == dropped


def test_options_of_the_endpoint_say_what_a_model_takes():
    endpoint = Endpoint(OLD.base_url, "our-alias", {"thinking": "effort", "sampling": "no"})
    asked = request(endpoint=endpoint, effort="high", temperature=0.5)
    assert json.loads(asked.body)["output_config"] == {"effort": "high"}
    assert asked.dropped == ("temperature",)


def test_a_schema_is_enforced_and_closed():
    schema = {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "In years."},
            "tags": {"type": "array", "items": {"type": "string", "format": "color"}, "minItems": 1, "maxItems": 3},
            "pet": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/pet"}]},
        },
        "required": ["age"],
        "$defs": {"pet": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    asked = request(output=OutputFormat(schema))
    assert asked.dropped == ()
    assert json.loads(asked.body)["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "age": {"type": "integer", "description": "In years. (minimum: 0)"},
                "tags": {
                    "type": "array",
                    "items": {"type": "string", "description": "(format: color)"},
                    "minItems": 1,
                    "description": "(maxItems: 3)",
                },
                "pet": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/pet"}]},
            },
            "required": ["age"],
            "$defs": {
                "pet": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}
            },
            "additionalProperties": False,
        },
    }


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"if": {}, "then": {}}}},
        {"type": "array", "items": True},
    ],
)
def test_a_format_that_cannot_be_enforced_is_asked_for_in_words_and_noted(schema):
    asked = request(output=OutputFormat(schema))
    assert "JSON" in json.loads(asked.body)["system"]
    assert "output_config" not in json.loads(asked.body)
    assert asked.dropped == ("output",)


def test_files_are_sent_as_documents_or_refused():
    text = base64.b64encode("Ä".encode()).decode()
    asked = sent(Message("user", (File("text/csv", text, name="a.csv"), File("application/pdf", "JVBERg=="))))
    assert asked["messages"][0]["content"] == [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Ä"}, "title": "a.csv"},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
    ]
    for refused in (File("audio/wav", "UklGRg=="), File("text/plain", "/w=="), Opaque("gemini", {})):
        with pytest.raises(RequestRejected):
            request(Message("user", (refused,)))
    with pytest.raises(RequestRejected, match="gemini"):
        request(tools=(Opaque("gemini", {}),))


def test_thoughts_go_back_only_to_the_family_they_came_from():
    asked = sent(
        Message("user", "Hi"),
        Message(
            "assistant",
            (
                Reasoning("mine", "c2ln", family="anthropic"),
                Reasoning(data="eA==", family="anthropic"),
                Reasoning("unsigned", family="anthropic"),
                Reasoning("another's", "sig", family="gemini"),
                Text("Hello"),
            ),
        ),
        Message("user", "And?"),
    )
    assert asked["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "mine", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "Hello"},
    ]


def test_within_the_family_a_body_passes_as_it_is():
    body = {
        "model": "route",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "", **CACHED}]}],
        "future": {"a": 1},
        "stream": True,
    }
    kept = json.dumps(body)
    assert forwarded(body, stream=True) == body | {"model": OLD.model}
    assert "stream" not in forwarded(body)
    assert json.dumps(body) == kept


@pytest.mark.parametrize(
    ("asked", "bound", "expected"),
    [(100, 50, 50), (100, 200, 100), (100, None, 100), (None, 50, 50), (None, None, 4096)],
)
def test_a_forwarded_body_is_bounded(asked, bound, expected):
    body = {"messages": []} | ({"max_tokens": asked} if asked else {})
    assert forwarded(body, max_tokens=bound)["max_tokens"] == expected


@pytest.mark.parametrize(
    ("bound", "thinking"),
    [
        (5000, {"type": "enabled", "budget_tokens": 4000}),
        (2000, {"type": "enabled", "budget_tokens": 1999}),
        (500, {"type": "disabled"}),
    ],
)
def test_a_lowered_bound_lowers_the_thought_with_it(bound, thinking):
    body = {"messages": [], "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 4000}}
    assert forwarded(body, max_tokens=bound)["thinking"] == thinking


def test_a_forwarded_conversation_leaves_out_thoughts_that_anthropic_did_not_sign():
    signed = {"type": "thinking", "thinking": "mine", "signature": "c2ln"}
    content = [
        signed,
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "thinking", "thinking": "gemini's", "signature": "aver:gemini::c2ln"},
        {"type": "redacted_thinking", "data": "aver:responses:rs_1:eA=="},
        {"type": "text", "text": "Hello"},
    ]
    body = {"max_tokens": 9, "messages": [{"role": "assistant", "content": content}]}
    assert forwarded(body)["messages"][0]["content"] == [signed, content[-1]]
    assert len(content) == 5


def test_betas_named_in_the_body_become_a_header():
    body = {"max_tokens": 9, "messages": [], "anthropic_beta": ["a-2026-01-01", "b-2026-01-01"]}
    asked = AnthropicChat().forward(body, OLD, stream=False)
    assert asked.headers["anthropic-beta"] == "a-2026-01-01,b-2026-01-01"
    assert "anthropic_beta" not in json.loads(asked.body)


def test_the_address_may_end_with_the_version():
    for base in ("https://x/v1", "https://x/", "https://x"):
        asked = AnthropicChat().forward({"messages": []}, Endpoint(base, "m"), stream=False)
        assert asked.url == "https://x/v1/messages"


def test_counting_asks_with_the_fields_that_count():
    body = {
        "model": "r",
        "messages": [],
        "system": "S",
        "max_tokens": 9,
        "stream": True,
        "temperature": 1,
        "metadata": {},
    }
    asked = AnthropicChat().count_request(body, OLD)
    assert asked.url.endswith("/v1/messages/count_tokens")
    assert json.loads(asked.body) == {"model": OLD.model, "messages": [], "system": "S"}
    assert AnthropicChat().counted(b'{"input_tokens": 12}') == 12


def test_lone_surrogates_do_not_stop_a_request():
    assert sent(Message("user", "a\ud800b"))["messages"][0]["content"][0]["text"] == "a?b"
