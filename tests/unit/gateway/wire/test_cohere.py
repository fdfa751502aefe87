"""Cohere's second API: what it is asked and what it answers."""

import json

import pytest

from aver.core.errors import (
    ContextOverflow,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
    RequestRejected,
)
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
    Usage,
)
from aver.gateway.wire.cohere import CohereChat
from aver.gateway.wire.registry import embed_dialect, rerank_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint, RerankRequest

MODEL = "command-a-03-2025"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HI = (Message("user", "hi"),)
USAGE = {
    "billed_units": {"input_tokens": 20.0, "output_tokens": 9.0},
    "tokens": {"input_tokens": 90.0, "output_tokens": 9.0},
    "cached_tokens": 8.0,
}
COUNTED = Usage(20, 9, None, cached_tokens=8)


def asked(chat, model=MODEL, stream=False):
    return CohereChat().request(chat, Endpoint("", model), stream=stream)


def body_of(chat, model=MODEL):
    return json.loads(asked(chat, model).body)


def said(*parts):
    return body_of(ChatRequest((Message("user", parts),)))["messages"][0]["content"]


def test_a_whole_request_is_written_as_the_reference_has_it():
    chat = ChatRequest(
        (
            Message("system", "Be brief."),
            Message("user", (Text("What is this?"), Image("image/png", "aWNvbg==", detail="low"))),
            Message("assistant", "A map."),
            Message("user", "Of what?"),
        ),
        max_tokens=100,
        temperature=0.5,
        top_p=0.75,
        stop=("END",),
        seed=7,
        tools=(Tool("weather", "The weather.", SCHEMA, strict=True), Tool("now")),
        tool_choice="required",
        output=OutputFormat(SCHEMA),
    )
    request = asked(chat, stream=True)
    assert request.url == "https://api.cohere.com/v2/chat"
    assert request.dropped == ()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aWNvbg==", "detail": "low"}}
    weather = {"name": "weather", "description": "The weather.", "parameters": SCHEMA}
    now = {"name": "now", "parameters": {"type": "object", "properties": {}}}
    assert json.loads(request.body) == {
        "model": MODEL,
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
            {"role": "assistant", "content": "A map."},
            {"role": "user", "content": "Of what?"},
        ],
        "max_tokens": 100,
        "temperature": 0.5,
        "p": 0.75,
        "seed": 7,
        "stop_sequences": ["END"],
        "tools": [{"type": "function", "function": weather}, {"type": "function", "function": now}],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
    }


def test_what_tools_gave_are_documents_in_messages_of_their_own():
    chat = ChatRequest(
        (
            *HI,
            Message(
                "assistant",
                (
                    Reasoning("Hm.", family="cohere"),
                    Reasoning("Other.", family="anthropic"),
                    Text("I look it up."),
                    ToolCall("call_1", "weather", '{"city": "Bern"}'),
                    ToolCall("call_2", "now", ""),
                ),
            ),
            Message(
                "user",
                (
                    ToolResult("call_1", (Text("rain"), Image(url="https://host/a.png"))),
                    ToolResult("call_2", (Text("no clock"),), error=True),
                    Text("Well?"),
                ),
            ),
        )
    )
    _, calls, first, second, rest = body_of(chat)["messages"]
    assert calls == {
        "role": "assistant",
        "tool_plan": "I look it up.",
        "content": [{"type": "thinking", "thinking": "Hm."}],
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
        ],
    }
    assert (first["role"], first["tool_call_id"]) == ("tool", "call_1")
    assert first["content"] == [{"type": "document", "document": {"data": {"output": "rain"}}}]
    assert second["content"] == [{"type": "document", "document": {"data": {"error": "no clock"}}}]
    image = {"type": "image_url", "image_url": {"url": "https://host/a.png"}}
    assert rest == {"role": "user", "content": [image, {"type": "text", "text": "Well?"}]}


def test_messages_with_nothing_in_them_are_left_out():
    nothing = (Message("assistant", ""), Message("assistant", (Text(""), Reasoning("Other.", family="gemini"))))
    assert body_of(ChatRequest((*HI, *nothing, *HI)))["messages"] == [{"role": "user", "content": "hi"}] * 2


def test_a_tool_that_must_be_called_is_offered_alone():
    body = body_of(ChatRequest(HI, tools=(Tool("a"), Tool("b")), tool_choice="tool:b"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert body["tool_choice"] == "REQUIRED"
    assert body_of(ChatRequest(HI, tools=(Tool("a"),), tool_choice="none"))["tool_choice"] == "NONE"
    assert "tool_choice" not in body_of(ChatRequest(HI, tools=(Tool("a"),), tool_choice="auto"))


@pytest.mark.parametrize(
    ("chat", "thinking"),
    [
        (ChatRequest(HI), None),
        (ChatRequest(HI, effort="none"), {"type": "disabled"}),
        (ChatRequest(HI, effort="low"), {"type": "enabled", "token_budget": 1024}),
        (ChatRequest(HI, thinking_tokens=77), {"type": "enabled", "token_budget": 77}),
        (ChatRequest(HI, thinking_tokens=0), {"type": "disabled"}),
    ],
)
def test_effort_goes_to_models_that_reason(chat, thinking):
    assert body_of(chat, "command-a-reasoning-08-2025").get("thinking") == thinking


def test_what_has_no_place_is_named():
    chat = ChatRequest(HI, user="u", parallel_tools=False, effort="low", extra={"logit_bias": {}}, family="openai")
    assert asked(chat).dropped == ("logit_bias", "user", "parallel_tools", "effort")
    assert body_of(ChatRequest(HI, extra={"k": 5}, family="cohere"))["k"] == 5


@pytest.mark.parametrize(
    "part", [File("application/pdf", "JVBE"), Opaque("openai", {"type": "x"}), ToolCall("1", "a", "{}")], ids=type
)
def test_parts_that_cannot_be_said_are_refused(part):
    with pytest.raises(RequestRejected, match="Cohere has no place for"):
        said(part)


def test_tools_and_parts_of_coheres_own_go_as_they_are():
    assert said(Opaque("cohere", {"type": "x"})) == [{"type": "x"}]
    own = {"type": "function", "function": {"name": "a"}}
    assert body_of(ChatRequest(HI, tools=(Opaque("cohere", own),)))["tools"] == [own]
    with pytest.raises(RequestRejected, match="a tool of gemini's own"):
        asked(ChatRequest(HI, tools=(Opaque("gemini", {}),)))


@pytest.mark.parametrize(("asked_for", "sent"), [(None, 50), (90, 50), (20, 20)])
def test_a_body_of_coheres_own_goes_on_with_its_output_bound(asked_for, sent):
    body = {"model": "route", "messages": [], "k": 5} | ({"max_tokens": asked_for} if asked_for else {})
    request = CohereChat().forward(body, Endpoint("http://proxy/v2", MODEL), stream=True, max_tokens=50)
    assert request.url == "http://proxy/v2/chat"
    assert json.loads(request.body) == {"model": MODEL, "messages": [], "k": 5, "max_tokens": sent, "stream": True}


def reply(message, reason="COMPLETE", **fields):
    body = {"id": "r1", "message": {"role": "assistant", **message}, "finish_reason": reason, **fields}
    return CohereChat().completion(json.dumps(body).encode())


def event(kind, index=None, **message):
    value = {"type": kind} | ({"index": index} if index is not None else {}) | {"delta": {"message": message}}
    return f"event: {kind}\ndata: {json.dumps(value)}\n\n".encode()


def end(reason="COMPLETE", **fields):
    return (
        b"data: " + json.dumps({"type": "message-end", "delta": {"finish_reason": reason, **fields}}).encode() + b"\n\n"
    )


def read(*events):
    return CohereChat().reader(asked_usage=True).feed(b"".join(events))


def test_a_whole_reply_is_read_with_thoughts_plan_calls_and_what_was_billed():
    function = {"name": "weather", "arguments": '{"city": "Bern"}'}
    completion = reply(
        {
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}],
            "tool_plan": "I look it up.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        "TOOL_CALL",
        usage=USAGE,
    )
    assert completion.parts == (
        Reasoning("Hm.", family="cohere"),
        Text("So."),
        Text("I look it up."),
        ToolCall("call_1", "weather", '{"city": "Bern"}'),
    )
    assert (completion.finish, completion.usage, completion.id) == ("tool_calls", COUNTED, "r1")


def test_a_stream_is_read_piece_by_piece():
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    reader = CohereChat().reader(asked_usage=True)
    deltas = reader.feed(
        b'data: {"type": "message-start", "id": "r1", "delta": {"message": {"role": "assistant"}}}\n\n'
        + event("content-start", 0, content={"type": "thinking", "thinking": ""})
        + event("content-delta", 0, content={"thinking": "Hm."})
        + event("content-end", 0)
        + event("content-start", 1, content={"type": "text", "text": ""})
        + event("content-delta", 1, content={"text": "So."})
        + event("tool-plan-delta", tool_plan="I look.")
        + event("tool-call-start", 0, tool_calls=call)
        + event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"city": '}})
        + event("tool-call-delta", 0, tool_calls={"function": {"arguments": '"Bern"}'}})
        + event("tool-call-end", 0)
        + event("tool-call-start", 1, tool_calls=call | {"id": "call_2"})
        + event("citation-start", 0, citations={"text": "x"})
    )
    assert deltas[0].id == "r1"
    assert deltas[0].reasoning == Reasoning("Hm.", family="cohere")
    assert [each.text for each in deltas[1:3]] == ["So.", "I look."]
    tools = [each.tool for each in deltas if each.tool]
    assert [(each.index, each.id, each.name, each.arguments) for each in tools] == [
        (0, "call_1", "weather", ""),
        (0, "", "", '{"city": '),
        (0, "", "", '"Bern"}'),
        (1, "call_2", "weather", ""),
    ]
    assert not reader.done
    [last] = reader.feed(end("TOOL_CALL", usage=USAGE) + b"data: [DONE]\n\n")
    assert (last.finish, last.usage, reader.done) == ("tool_calls", COUNTED, True)


@pytest.mark.parametrize(
    ("reason", "finish"), [("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length")]
)
def test_finish_reasons(reason, finish):
    assert reply({"content": [{"type": "text", "text": "Hi"}]}, reason).finish == finish
    assert read(end(reason))[0].finish == finish


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT", "SOMETHING_NEW"])
def test_a_reply_that_broke_off_does_not_pass_as_whole(reason):
    with pytest.raises(ProviderError, match=reason):
        reply({"content": [{"type": "text", "text": "Hi"}]}, reason)
    with pytest.raises(ProviderError, match=reason):
        read(end(reason, error="the model crashed"))


def test_tokens_are_counted_where_nothing_was_billed():
    usage = {"tokens": {"input_tokens": 90, "output_tokens": 9}}
    assert reply({"content": [{"type": "text", "text": "Hi"}]}, usage=usage).usage == Usage(90, 9, None)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"message": {"role": "assistant"}, "finish_reason": "COMPLETE"}',
        b'{"message": {"content": [{"type": "text", "text": 5}]}, "finish_reason": "COMPLETE"}',
        b'{"message": {"content": [{"type": "text", "text": "Hi"}]}}',
        b'{"message": {"tool_calls": [{}]}, "finish_reason": "TOOL_CALL"}',
    ],
)
def test_what_is_no_reply_is_an_error(body):
    with pytest.raises(ProviderError):
        CohereChat().completion(body)


@pytest.mark.parametrize(
    "data", [b"{", b"5", b"{}", b'{"type": "content-delta"}', b'{"type": "tool-call-delta", "index": 3, "delta": {}}']
)
def test_what_is_no_event_is_an_error(data):
    with pytest.raises(ProviderError):
        read(b"data: " + data + b"\n\n")


def test_an_error_within_a_stream_is_one():
    with pytest.raises(ProviderRefused, match="internal server error"):
        read(b'data: {"message": "internal server error"}\n\n')


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: list of documents must not be empty", RequestRejected),
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
            ContextOverflow,
        ),
        (400, "too many tokens: max tokens must be less than or equal to 4096 - received 8192.", RequestRejected),
        (401, "invalid api token", ProviderDenied),
        (402, "Please add or update your payment method to continue", ProviderExhausted),
        (403, "not allowed", ProviderDenied),
        (404, "model 'x' not found, make sure the correct model ID was used", ProviderDenied),
        (422, "unknown field", RequestRejected),
        (429, "You are using a Trial key, which is limited to 40 API calls / minute.", ProviderThrottled),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", ProviderExhausted),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", ProviderThrottled),
        (498, "invalid token", ProviderDenied),
        (499, "request cancelled", ProviderRefused),
        (500, "internal server error", ProviderRefused),
        (503, "unavailable", ProviderRefused),
    ],
)
def test_errors(status, message, kind):
    error = CohereChat().error(status, {"retry-after": "4"}, json.dumps({"id": "x", "message": message}).encode())
    assert type(error) is kind
    assert message.rstrip(".")[:40] in error.cause
    assert error.retry_after == 4
    assert error.next_step.endswith(".")


def test_embeddings_are_asked_for_with_their_purpose_and_read():
    dialect = embed_dialect("cohere")
    request = dialect.request(EmbeddingsRequest(("a", "b"), 256, "query", {"x": 1}), Endpoint("", "embed-v4.0"))
    assert request.url == "https://api.cohere.com/v2/embed"
    assert request.dropped == ("x",)
    assert json.loads(request.body) == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "truncate": "NONE",
        "output_dimension": 256,
    }
    for purpose in ("document", ""):
        body = dialect.request(EmbeddingsRequest(("a",), purpose=purpose), Endpoint("", "embed-v4.0")).body
        assert json.loads(body)["input_type"] == "search_document"
    read_ = dialect.embeddings(b'{"embeddings": {"float": [[1, 0]]}, "meta": {"billed_units": {"input_tokens": 3.0}}}')
    assert (read_.vectors, read_.usage) == (((1, 0),), Usage(3, 0, None))
    for body in (b"{", b"{}", b'{"embeddings": {"int8": []}}', b'{"embeddings": 5}'):
        with pytest.raises(ProviderError):
            dialect.embeddings(body)


def test_documents_are_ranked_by_falling_relevance():
    dialect = rerank_dialect("cohere")
    request = dialect.request(RerankRequest("leave", ("a", "b"), 2), Endpoint("", "rerank-v3.5"))
    assert request.url == "https://api.cohere.com/v2/rerank"
    assert json.loads(request.body) == {"model": "rerank-v3.5", "query": "leave", "documents": ["a", "b"], "top_n": 2}
    ranked = dialect.reranked(
        b'{"results": [{"index": 0, "relevance_score": 0.2}, {"index": 1, "relevance_score": 0.9}],'
        b' "meta": {"billed_units": {"search_units": 1}}}'
    )
    assert (ranked.results, ranked.usage) == (((1, 0.9), (0, 0.2)), None)
    for body in (b"{", b"{}", b'{"results": [{}]}', b'{"results": 5}'):
        with pytest.raises(ProviderError):
            dialect.reranked(body)
