"""What Gemini is asked."""

import json

import pytest

from aver.core.errors import RequestRejected
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
from aver.gateway.wire.gemini import GeminiChat, GeminiEmbeddings
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HI = (Message("user", "hi"),)


def asked(chat, model="gemini-2.5-flash", stream=False, **options):
    return GeminiChat().request(chat, Endpoint("", model, options), stream=stream)


def body_of(chat, model="gemini-2.5-flash"):
    return json.loads(asked(chat, model).body)


def said(*parts, role="user", model="gemini-2.5-flash"):
    return body_of(ChatRequest((Message(role, parts),)), model)["contents"][0]["parts"]


def test_a_whole_request_is_written_as_the_reference_has_it():
    chat = ChatRequest(
        (
            Message("system", "Be brief."),
            Message("user", (Text("What is this?"), Image("image/png", "aWNvbg=="))),
            Message("assistant", "A map."),
            Message("user", "Of what?"),
        ),
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        seed=7,
        tools=(Tool("weather", "The weather.", SCHEMA), Tool("now")),
        tool_choice="tool:weather",
    )
    request = asked(chat)
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    assert request.headers == {"Content-Type": "application/json"}
    assert request.dropped == ()
    image = {"inlineData": {"mimeType": "image/png", "data": "aWNvbg=="}}
    assert json.loads(request.body) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "What is this?"}, image]},
            {"role": "model", "parts": [{"text": "A map."}]},
            {"role": "user", "parts": [{"text": "Of what?"}]},
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "The weather.", "parametersJsonSchema": SCHEMA},
                    {"name": "now"},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "generationConfig": {
            "maxOutputTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "seed": 7,
            "stopSequences": ["END"],
        },
    }


def test_a_stream_is_asked_for_as_events():
    url = asked(ChatRequest(HI), stream=True).url
    assert url.endswith("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(
    ("base_url", "model", "address"),
    [
        ("http://proxy/", "m", "http://proxy/v1beta/models/m:generateContent"),
        ("http://proxy/v1", "m", "http://proxy/v1/models/m:generateContent"),
        ("http://proxy", "tunedModels/mine", "http://proxy/v1beta/tunedModels/mine:generateContent"),
    ],
)
def test_the_address_says_version_and_model(base_url, model, address):
    assert GeminiChat().request(ChatRequest(HI), Endpoint(base_url, model), stream=False).url == address


def test_an_api_version_can_be_chosen():
    assert "/v1alpha/models/" in asked(ChatRequest(HI), api_version="v1alpha").url


def test_results_of_parallel_calls_stand_together_in_the_next_turn_by_name_and_id():
    calls = (ToolCall("call_1", "weather", '{"city": "Bern"}', "c2ln"), ToolCall("call_2", "now", ""))
    chat = ChatRequest(
        (
            Message("user", "Bern?"),
            Message("assistant", (Text("Let me look."), *calls)),
            Message("user", (ToolResult("call_1", (Text("rain"), Image("image/png", "aWNvbg=="))),)),
            Message("user", (ToolResult("call_2", (Text("no clock"),), error=True), Text("And?"))),
        )
    )
    contents = body_of(chat)["contents"]
    assert contents[1]["parts"] == [
        {"text": "Let me look."},
        {
            "functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Bern"}},
            "thoughtSignature": "c2ln",
        },
        {"functionCall": {"id": "call_2", "name": "now", "args": {}}},
    ]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    responses = [part["functionResponse"] for part in contents[2]["parts"] if "functionResponse" in part]
    assert responses == [
        {"id": "call_1", "name": "weather", "response": {"output": "rain"}},
        {"id": "call_2", "name": "now", "response": {"error": "no clock"}},
    ]
    assert {"inlineData": {"mimeType": "image/png", "data": "aWNvbg=="}} in contents[2]["parts"]
    assert contents[2]["parts"][-1] == {"text": "And?"}


@pytest.mark.parametrize(
    ("model", "signed"),
    [
        ("gemini-2.5-pro", False),
        ("gemini-3-pro-preview", True),
        ("gemini-3.1-flash", True),
        ("gemini-pro-latest", True),
    ],
)
def test_calls_that_another_model_made_are_marked_where_gemini_demands_a_signature(model, signed):
    first, second = said(ToolCall("1", "a", "{}"), ToolCall("2", "b", "{}"), role="assistant", model=model)
    assert first.get("thoughtSignature") == ("skip_thought_signature_validator" if signed else None)
    assert "thoughtSignature" not in second


def test_arguments_that_are_no_object_are_kept_under_a_name():
    parts = said(ToolCall("1", "a", '{"city": "Be'), ToolCall("2", "b", "[1]"), role="assistant")
    assert [part["functionCall"]["args"] for part in parts] == [{"arguments": '{"city": "Be'}, {"arguments": "[1]"}]


def test_only_geminis_own_thoughts_go_back():
    parts = said(
        Reasoning("Hm.", "c2ln", family="gemini"),
        Reasoning("Other.", "eA==", family="anthropic"),
        Text("So."),
        Reasoning(signature="ZW5k", family="gemini"),
        role="assistant",
    )
    assert parts == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "So."},
        {"text": "", "thoughtSignature": "ZW5k"},
    ]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Image(url="data:image/gif;base64,R0lG"), {"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}),
        (
            Image(url="https://host/a.webp?x=1"),
            {"fileData": {"fileUri": "https://host/a.webp?x=1", "mimeType": "image/webp"}},
        ),
        (Image(url="https://host/picture"), {"fileData": {"fileUri": "https://host/picture"}}),
        (File("application/pdf", "JVBE"), {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}}),
        (
            File("video/mp4", url="gs://bucket/a"),
            {"fileData": {"fileUri": "gs://bucket/a", "mimeType": "video/mp4"}},
        ),
        (File(id="https://host/v1beta/files/x"), {"fileData": {"fileUri": "https://host/v1beta/files/x"}}),
        (Opaque("gemini", {"executableCode": {"code": "1"}}), {"executableCode": {"code": "1"}}),
    ],
)
def test_parts_are_written(part, written):
    assert said(part) == [written]


@pytest.mark.parametrize(
    "part",
    [File(id="file-abc"), Opaque("openai", {"type": "x"}), ToolCall("1", "a", "{}")],
    ids=type,
)
def test_parts_that_cannot_be_said_are_refused(part):
    with pytest.raises(RequestRejected, match="Gemini has no place for"):
        said(part)


def test_a_tool_of_geminis_own_goes_beside_the_functions_and_another_familys_is_refused():
    own = ChatRequest(HI, tools=(Tool("a"), Opaque("gemini", {"googleSearch": {}})))
    assert body_of(own)["tools"] == [{"functionDeclarations": [{"name": "a"}]}, {"googleSearch": {}}]
    with pytest.raises(RequestRejected, match="a tool of openai's own"):
        asked(ChatRequest(HI, tools=(Opaque("openai", {"type": "web_search"}),)))


@pytest.mark.parametrize(("choice", "mode"), [("auto", "AUTO"), ("none", "NONE"), ("required", "ANY")])
def test_choices_of_tools(choice, mode):
    body = body_of(ChatRequest(HI, tools=(Tool("a"),), tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": mode}}
    assert "toolConfig" not in body_of(ChatRequest(HI, tool_choice=choice))


def test_json_is_asked_for_with_and_without_a_schema():
    with_schema = body_of(ChatRequest(HI, output=OutputFormat(SCHEMA)))["generationConfig"]
    assert with_schema == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert body_of(ChatRequest(HI, output=OutputFormat()))["generationConfig"] == {
        "responseMimeType": "application/json"
    }


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "low"}),
        ("gemini-3.1-pro", "medium", {"thinkingLevel": "medium", "includeThoughts": True}),
        ("gemini-flash-latest", "high", {"thinkingLevel": "high", "includeThoughts": True}),
    ],
)
def test_effort_is_said_as_the_models_generation_hears_it(model, effort, config):
    assert body_of(ChatRequest(HI, effort=effort), model)["generationConfig"] == {"thinkingConfig": config}


def test_effort_is_dropped_where_no_model_thinks_and_a_budget_goes_as_it_is():
    request = asked(ChatRequest(HI, effort="high"), "gemini-2.0-flash")
    assert request.dropped == ("effort",)
    assert "generationConfig" not in json.loads(request.body)
    config = body_of(ChatRequest(HI, thinking_tokens=500))["generationConfig"]["thinkingConfig"]
    assert config == {"thinkingBudget": 500, "includeThoughts": True}


def test_what_has_no_place_is_named():
    chat = ChatRequest(
        HI, user="u", parallel_tools=False, tools=(Tool("a", strict=True),), extra={"logit_bias": {}}, family="openai"
    )
    assert asked(chat).dropped == ("logit_bias", "user", "parallel_tools", "strict")
    assert body_of(ChatRequest(HI, extra={"safetySettings": []}, family="gemini"))["safetySettings"] == []


def test_words_of_the_system_alone_are_asked_as_the_users():
    body = body_of(ChatRequest((Message("system", "Say hello."),)))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


def test_parts_with_nothing_in_them_are_left_out():
    body = body_of(
        ChatRequest((Message("user", (Text(""), Text("hi"))), Message("assistant", ""), Message("user", "so")))
    )
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}, {"text": "so"}]}]


def test_a_lone_surrogate_does_not_stop_a_request():
    assert body_of(ChatRequest((Message("user", "a\ud800b"),)))["contents"][0]["parts"] == [{"text": "a?b"}]


@pytest.mark.parametrize(
    ("config", "most", "sent"),
    [
        (None, 50, {"maxOutputTokens": 50}),
        ({"maxOutputTokens": 90, "topK": 3}, 50, {"maxOutputTokens": 50, "topK": 3}),
        ({"maxOutputTokens": 20}, 50, {"maxOutputTokens": 20}),
        ({"maxOutputTokens": 20}, None, {"maxOutputTokens": 20}),
    ],
)
def test_a_body_of_geminis_own_goes_on_with_its_output_bound(config, most, sent):
    body = {"contents": [], "unknown": 1} | ({"generationConfig": config} if config else {})
    kept = json.loads(json.dumps(body))
    request = GeminiChat().forward(body, Endpoint("", "m"), stream=False, max_tokens=most)
    assert json.loads(request.body) == {**body, "generationConfig": sent}
    assert body == kept


def test_embeddings_are_asked_for_with_their_purpose_and_read():
    dialect = GeminiEmbeddings()
    request = dialect.request(EmbeddingsRequest(("a", "b"), 2, "query", {"x": 1}), Endpoint("", "gemini-embedding-001"))
    assert request.url.endswith("/v1beta/models/gemini-embedding-001:batchEmbedContents")
    assert request.dropped == ("x",)
    same = {"model": "models/gemini-embedding-001", "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 2}
    assert json.loads(request.body) == {
        "requests": [same | {"content": {"parts": [{"text": text}]}} for text in ("a", "b")]
    }
    read = dialect.embeddings(b'{"embeddings": [{"values": [0.5, 1]}, {"values": [0, 1]}]}')
    assert read.vectors == ((0.5, 1), (0, 1))
