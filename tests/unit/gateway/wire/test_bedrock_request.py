"""What Bedrock is asked. Every body is held to botocore's model of the API."""

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
from aver.gateway.wire.bedrock import BedrockChat
from aver.gateway.wire.registry import embed_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint
from aver.testing.fakes.bedrock_rules import check_converse

SONNET_3 = "anthropic.claude-3-sonnet-20240229-v1:0"
SONNET_37 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
OPUS_4 = "anthropic.claude-opus-4-20250514-v1:0"
SONNET_45 = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_46 = "global.anthropic.claude-opus-4-6-v1"
OPUS_5 = "anthropic.claude-opus-5"
NOVA = "amazon.nova-pro-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HI = (Message("user", "hi"),)


def asked(chat, model=SONNET_3, stream=False, **options):
    return BedrockChat().request(chat, Endpoint("", model, options), stream=stream)


def body_of(chat, model=SONNET_3, **options):
    body = json.loads(asked(chat, model, **options).body)
    check_converse(body, model)
    return body


def said(*parts, model=SONNET_3):
    return body_of(ChatRequest((Message("user", parts),)), model)["messages"][0]["content"]


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
        top_p=0.75,
        stop=("END",),
        tools=(Tool("weather", "The weather.", SCHEMA, strict=True), Tool("now")),
        tool_choice="tool:weather",
    )
    request = asked(chat, region="eu-central-1")
    assert request.url == (
        "https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-3-sonnet-20240229-v1%3A0/converse"
    )
    assert request.headers == {"Content-Type": "application/json"}
    assert request.dropped == ()
    image = {"image": {"format": "png", "source": {"bytes": "aWNvbg=="}}}
    weather = {"name": "weather", "description": "The weather.", "inputSchema": {"json": SCHEMA}, "strict": True}
    assert body_of(chat) == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "What is this?"}, image]},
            {"role": "assistant", "content": [{"text": "A map."}]},
            {"role": "user", "content": [{"text": "Of what?"}]},
        ],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.75, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": weather},
                {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}},
            ],
            "toolChoice": {"tool": {"name": "weather"}},
        },
    }


def test_a_models_arn_is_one_segment_of_the_path():
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/abc"
    url = BedrockChat().request(ChatRequest(HI), Endpoint("http://proxy/", arn), stream=True).url
    path = "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Fabc"
    assert url == f"http://proxy/model/{path}/converse-stream"


def test_roles_alternate_and_what_tools_gave_stands_first():
    chat = ChatRequest(
        (
            Message("user", "Bern?"),
            Message("user", "Quickly."),
            Message("assistant", (ToolCall("call_1", "weather", '{"city": "Bern"}'), ToolCall("call_2", "now", ""))),
            Message("user", (Text("Well?"), ToolResult("call_1", (Text("rain"), Image("image/png", "aQ=="))))),
            Message("user", (ToolResult("call_2", (), error=True),)),
        ),
        tools=(Tool("weather"), Tool("now")),
    )
    first, calls, results = body_of(chat)["messages"]
    assert first["content"] == [{"text": "Bern?"}, {"text": "Quickly."}]
    assert calls["content"] == [
        {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Bern"}}},
        {"toolUse": {"toolUseId": "call_2", "name": "now", "input": {}}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": "aQ=="}}}
    assert results["content"] == [
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "rain"}, image]}},
        {"toolResult": {"toolUseId": "call_2", "content": [{"text": "(empty)"}], "status": "error"}},
        {"text": "Well?"},
    ]


def test_ids_of_calls_that_bedrock_refuses_are_replaced_on_both_sides_alike():
    id_ = "call:1/" + "x" * 90
    chat = ChatRequest(
        (
            Message("user", "hi"),
            Message("assistant", (ToolCall(id_, "a", "{}"),)),
            Message("user", (ToolResult(id_, (Text("done"),)),)),
        ),
        tools=(Tool("a"),),
    )
    _, call, result = body_of(chat)["messages"]
    sent = call["content"][0]["toolUse"]["toolUseId"]
    assert sent == result["content"][0]["toolResult"]["toolUseId"]
    assert len(sent) <= 64
    assert sent.replace("_", "").isalnum()


def test_thoughts_go_back_to_those_who_can_check_them():
    parts = (
        Reasoning("Hm.", "c2ln", family="bedrock"),
        Reasoning("Hm, too.", "c2ln", family="anthropic"),
        Reasoning(data="eHg=", family="bedrock"),
        Reasoning("Unsigned.", family="bedrock"),
        Reasoning("Other.", "c2ln", family="gemini"),
        Text("So."),
    )
    chat = ChatRequest((Message("user", "hi"), Message("assistant", parts)))

    def kept(model):
        return body_of(chat, model)["messages"][1]["content"]

    assert kept(OPUS_4) == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"reasoningText": {"text": "Hm, too.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "eHg="}},
        {"text": "So."},
    ]
    assert len(kept(NOVA)) == 3


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Image(data="/9j/4AA"), {"image": {"format": "jpeg", "source": {"bytes": "/9j/4AA"}}}),
        (Image("image/jpg", "/9j/"), {"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}}),
        (Image(url="data:image/gif;base64,R0lG"), {"image": {"format": "gif", "source": {"bytes": "R0lG"}}}),
        (
            Image("image/webp", url="s3://bucket/a"),
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a"}}}},
        ),
        (File("video/mp4", "AAAA"), {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}}),
        (File("audio/mpeg", "AAAA"), {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}}),
        (Opaque("bedrock", {"guardContent": {"text": {"text": "x"}}}), {"guardContent": {"text": {"text": "x"}}}),
    ],
)
def test_parts_are_written(part, written):
    assert said(part) == [written]


def test_documents_have_names_that_bedrock_takes_and_no_two_the_same():
    first, second = said(
        File("application/pdf", "JVBE", name="Leave & sick/days v2.1.pdf"), File("text/plain; charset=utf-8", "eA==")
    )
    assert first["document"]["format"] == "pdf"
    assert first["document"]["name"].startswith("Leave sick days v2 1 ")
    assert second["document"]["name"].startswith("document ")
    again = said(File("text/plain", "eA=="), File("text/plain", "eQ=="))
    assert again[0]["document"]["name"] != again[1]["document"]["name"]


@pytest.mark.parametrize(
    ("part", "next_step"),
    [
        (Image(url="https://host/a.png"), "Send its bytes in base64"),
        (Image("image/tiff", "SUkq"), "Send it as PNG"),
        (File("application/zip", "UEsD"), "Send it as PDF"),
        (File(id="file-abc"), "Send its bytes"),
        (Opaque("openai", {"type": "x"}), "Ask a model of another provider"),
    ],
)
def test_parts_that_cannot_be_said_are_refused_with_what_to_do(part, next_step):
    with pytest.raises(RequestRejected, match=f"Bedrock has no place for .*{next_step}"):
        said(part)


def test_blank_texts_and_empty_messages_are_left_out():
    chat = ChatRequest((Message("user", (Text(" "), Text("hi"))), Message("assistant", ""), Message("user", "there")))
    assert body_of(chat)["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "there"}]}]


def test_words_of_the_system_alone_are_asked_as_the_users():
    assert body_of(ChatRequest((Message("system", "Say hello."),))) == {
        "messages": [{"role": "user", "content": [{"text": "Say hello."}]}]
    }


@pytest.mark.parametrize(("model", "points"), [(SONNET_3, 3), (NOVA, 3), (LLAMA, 0)])
def test_cache_hints_become_cache_points_where_the_model_takes_them(model, points):
    chat = ChatRequest(
        (
            Message("system", (Text("Long.", cache=True),)),
            Message("user", (Text("Also long.", cache=True), Text("hi"))),
        ),
        tools=(Tool("a", cache=True),),
    )
    body = body_of(chat, model)
    blocks = [*body["system"], *body["messages"][0]["content"], *body["toolConfig"]["tools"]]
    assert sum(block == {"cachePoint": {"type": "default"}} for block in blocks) == points


@pytest.mark.parametrize(("choice", "written"), [("required", {"any": {}}), ("auto", None), (None, None)])
def test_choices_of_tools(choice, written):
    assert body_of(ChatRequest(HI, tools=(Tool("a"),), tool_choice=choice))["toolConfig"].get("toolChoice") == written


def test_tools_that_may_not_be_called_are_not_offered_unless_the_conversation_holds_their_calls():
    assert "toolConfig" not in body_of(ChatRequest(HI, tools=(Tool("a"),), tool_choice="none"))
    called = (
        *HI,
        Message("assistant", (ToolCall("1", "a", "{}"),)),
        Message("user", (ToolResult("1", (Text("done"),)),)),
    )
    chat = ChatRequest(called, tools=(Tool("a"),), tool_choice="none")
    assert "toolConfig" in body_of(chat)
    assert asked(chat).dropped == ("tool_choice",)


def test_a_tool_of_another_familys_own_is_refused():
    own = {"systemTool": {"name": "nova_grounding"}}
    assert body_of(ChatRequest(HI, tools=(Opaque("bedrock", own),)))["toolConfig"]["tools"] == [own]
    with pytest.raises(RequestRejected, match="a tool of openai's own"):
        asked(ChatRequest(HI, tools=(Opaque("openai", {}),)))


@pytest.mark.parametrize(("model", "options"), [(SONNET_45, {}), (LLAMA, {"structured": "native"})])
def test_a_model_that_holds_to_a_schema_is_given_it(model, options):
    body = body_of(ChatRequest(HI, output=OutputFormat(SCHEMA, "place")), model, **options)
    assert "toolConfig" not in body
    text = body["outputConfig"]["textFormat"]
    assert json.loads(text["structure"]["jsonSchema"].pop("schema")) == SCHEMA
    assert text == {"type": "json_schema", "structure": {"jsonSchema": {"name": "place"}}}


@pytest.mark.parametrize(
    ("model", "output", "options"),
    [
        (SONNET_3, OutputFormat(SCHEMA), {}),
        (SONNET_45, OutputFormat(SCHEMA), {"structured": "tool"}),
        (SONNET_45, OutputFormat(), {}),
        (LLAMA, OutputFormat(SCHEMA), {}),
    ],
)
def test_another_answers_through_a_tool_that_it_must_call(model, output, options):
    config = body_of(ChatRequest(HI, output=output), model, **options)["toolConfig"]
    [tool] = config["tools"]
    assert tool["toolSpec"]["inputSchema"]["json"] == (output.schema or {"type": "object"})
    assert config["toolChoice"] == {"tool": {"name": tool["toolSpec"]["name"]}}


def test_beside_tools_the_model_may_call_any_but_must_call_one():
    chat = ChatRequest(HI, tools=(Tool("a"),), output=OutputFormat(SCHEMA))
    config = body_of(chat)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["a", "structured_answer"]
    assert config["toolChoice"] == {"any": {}}


def test_a_schema_that_is_no_object_is_refused():
    with pytest.raises(RequestRejected, match="Wrap the answer's schema in an object"):
        asked(ChatRequest(HI, output=OutputFormat({"type": "array"})))


@pytest.mark.parametrize(
    ("model", "chat", "fields", "effort"),
    [
        (SONNET_37, ChatRequest(HI, effort="low"), {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (OPUS_4, ChatRequest(HI, thinking_tokens=5000), {"thinking": {"type": "enabled", "budget_tokens": 5000}}, None),
        (
            SONNET_45,
            ChatRequest(HI, effort="high", max_tokens=4000),
            {"thinking": {"type": "enabled", "budget_tokens": 3999}},
            None,
        ),
        (OPUS_46, ChatRequest(HI, effort="high"), {"thinking": {"type": "adaptive"}}, "high"),
        (OPUS_5, ChatRequest(HI, thinking_tokens=5000), {"thinking": {"type": "adaptive"}}, "medium"),
        ("amazon.nova-2-lite-v1:0", ChatRequest(HI, effort="minimal"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None),
        ("openai.gpt-oss-120b-1:0", ChatRequest(HI, effort="medium"), {"reasoning_effort": "medium"}, None),
        (OPUS_46, ChatRequest(HI, effort="none"), None, None),
        (OPUS_4, ChatRequest(HI, thinking_tokens=0), None, None),
    ],
)  # fmt: skip
def test_effort_is_said_as_the_models_generation_hears_it(model, chat, fields, effort):
    body = body_of(chat, model)
    assert body.get("additionalModelRequestFields") == fields
    assert body.get("outputConfig", {}).get("effort") == effort
    assert asked(chat, model).dropped == ()


@pytest.mark.parametrize(
    ("model", "chat", "dropped"),
    [
        (SONNET_3, ChatRequest(HI, effort="low"), ("effort",)),
        (LLAMA, ChatRequest(HI, thinking_tokens=2000), ("thinking_tokens",)),
        (OPUS_4, ChatRequest(HI, effort="low", max_tokens=500), ("effort",)),
        (OPUS_4, ChatRequest(HI, effort="low", output=OutputFormat()), ("effort",)),
        (OPUS_4, ChatRequest(HI, effort="low", temperature=0.2, top_p=0.5), ("temperature", "top_p")),
        (NOVA, ChatRequest(HI, user="u", seed=1, parallel_tools=False), ("user", "seed", "parallel_tools")),
        (NOVA, ChatRequest(HI, extra={"logit_bias": {}}, family="openai"), ("logit_bias",)),
    ],
)
def test_what_has_no_place_is_named(model, chat, dropped):
    assert asked(chat, model).dropped == dropped
    body_of(chat, model)


@pytest.mark.parametrize(
    ("config", "sent"),
    [(None, {"maxTokens": 50}), ({"maxTokens": 90, "topP": 1}, {"maxTokens": 50, "topP": 1}), ({"maxTokens": 9}, {"maxTokens": 9})],
)  # fmt: skip
def test_a_body_of_bedrocks_own_goes_on_with_its_output_bound(config, sent):
    body = {"messages": []} | ({"inferenceConfig": config} if config else {})
    request = BedrockChat().forward(body, Endpoint("", NOVA), stream=False, max_tokens=50)
    assert json.loads(request.body) == {"messages": [], "inferenceConfig": sent}


def test_titan_is_asked_for_one_text_and_cohere_for_its_purpose():
    dialect = embed_dialect("bedrock")
    titan = dialect.request(EmbeddingsRequest(("a b",), 256), Endpoint("", "amazon.titan-embed-text-v2:0"))
    assert titan.url.endswith("/model/amazon.titan-embed-text-v2%3A0/invoke")
    assert json.loads(titan.body) == {"inputText": "a b", "dimensions": 256}
    cohere = dialect.request(EmbeddingsRequest(("a", "b"), 256, "query"), Endpoint("", "cohere.embed-english-v3"))
    assert cohere.dropped == ("dimensions",)
    assert json.loads(cohere.body) == {"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"]}
    with pytest.raises(RequestRejected, match="one text a call"):
        dialect.request(EmbeddingsRequest(("a", "b")), Endpoint("", "amazon.titan-embed-text-v2:0"))
