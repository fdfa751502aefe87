"""Whole replies of Anthropic's protocol, and its errors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import (
    BudgetExceeded,
    ContentFiltered,
    ContextOverflow,
    InvalidInput,
    LimitReached,
    NotFound,
    Overloaded,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
    ProviderTimeout,
    RequestRejected,
    TooLarge,
    Unauthenticated,
)
from aver.gateway.types import Completion, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.anthropic import AnthropicChat, AnthropicDoor
from aver.gateway.wire.anthropic_replies import read_usage, write_usage

NAMED = {"reply_id": "msg_1", "model": "route", "created": 7}


def body(**fields) -> bytes:
    whole = {
        "id": "msg_0",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    return json.dumps(whole | fields).encode()


def read(**fields):
    return AnthropicChat().completion(body(**fields))


def written(completion):
    return json.loads(AnthropicDoor().completion(completion, {}, **NAMED))


def test_a_reply_is_read():
    whole = read(
        content=[
            {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
            {"type": "text", "text": "Hello", "citations": None},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        ],
        stop_reason="tool_use",
        usage={
            "input_tokens": 3,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 200,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 7},
        },
    )
    assert whole.parts == (
        Reasoning("Hm", "c2ln", family="anthropic"),
        Text("Hello"),
        ToolCall("toolu_1", "f", '{"a":1}'),
    )
    assert whole.finish == "tool_calls"
    assert whole.usage == Usage(233, 40, None, False, 200, 10, 20, 7)
    assert (whole.id, whole.model, whole.family) == ("msg_0", "claude", "anthropic")
    assert whole.raw


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_each_stop_reason_has_its_finish(reason, finish):
    assert read(stop_reason=reason).finish == finish


@pytest.mark.parametrize(
    "wrong",
    [
        b"<html>",
        b"[]",
        b'{"unexpected": true}',
        body(content="text"),
        body(content=[{"type": "text", "text": 1}]),
        body(content=[{"type": "tool_use"}]),
        body(stop_reason=None),
        body(stop_reason="bored"),
    ],
)
def test_what_is_no_reply_is_refused(wrong):
    with pytest.raises(ProviderError):
        AnthropicChat().completion(wrong)


def test_an_error_with_a_good_status_is_an_error():
    with pytest.raises(ProviderRefused, match="Overloaded"):
        AnthropicChat().completion(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')


def test_a_reply_of_the_family_is_shown_as_it_came():
    assert AnthropicDoor().completion(read(), {}, **NAMED) == body()


def test_a_reply_of_another_family_is_written():
    parts = (
        Reasoning("Hm", "c2ln", family="gemini"),
        Reasoning(data="ZW5j", family="responses", id="rs_1"),
        Text(""),
        Text("Hello"),
        ToolCall("call_1", "f", '{"a":1}'),
    )
    whole = written(Completion(parts, "tool_calls", Usage(10, 5, cached_tokens=4, cache_write_tokens=1)))
    assert whole == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "route",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "aver:gemini::c2ln"},
            {"type": "redacted_thinking", "data": "aver:responses:rs_1:ZW5j"},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 1,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0},
        },
    }


def test_a_thought_of_another_family_finds_back_to_it():
    parts = (Reasoning("Hm", "a:b", family="gemini"), Reasoning(data="c:d", family="responses", id="rs_1"))
    content = written(Completion(parts, "stop"))["content"]
    asked = AnthropicDoor().chat({"messages": [{"role": "assistant", "content": content}]})
    assert asked.messages[0].parts == parts


@given(*[st.integers(0, 10**6)] * 6)
def test_usage_is_the_same_after_both_ways(read_, cached, short, long, output, thought):
    usage = Usage(read_ + cached + short + long, output + thought, None, False, cached, short, long, thought)
    assert read_usage(write_usage(usage)) == usage


@pytest.mark.parametrize(
    ("status", "type_", "message", "kind"),
    [
        (400, "invalid_request_error", "messages: at least one message is required", RequestRejected),
        (400, "invalid_request_error", "This model does not support assistant message prefill.", RequestRejected),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextOverflow),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            ContextOverflow,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", ProviderExhausted),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentFiltered),
        (401, "authentication_error", "invalid x-api-key", ProviderDenied),
        (402, "billing_error", "Payment is due", ProviderExhausted),
        (403, "permission_error", "Not yours", ProviderDenied),
        (404, "not_found_error", "model: claude-9", ProviderDenied),
        (413, "request_too_large", "Request exceeds the maximum size", RequestRejected),
        (429, "rate_limit_error", "Too many", ProviderThrottled),
        (500, "api_error", "Internal", ProviderRefused),
        (504, "timeout_error", "Took too long", ProviderRefused),
        (529, "overloaded_error", "Overloaded", ProviderRefused),
    ],
)
def test_each_error_has_its_class_and_keeps_its_words(status, type_, message, kind):
    said = json.dumps({"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}).encode()
    error = AnthropicChat().error(status, {"retry-after": "7"}, said)
    assert type(error) is kind
    assert message.rstrip(".") in error.cause
    assert error.retry_after == 7


def test_a_spent_limit_is_not_waited_for():
    details = {"error_code": "enforced_spend_limit_reached"}
    said = {"type": "error", "error": {"type": "rate_limit_error", "message": "Limit", "details": details}}
    assert type(AnthropicChat().error(429, {}, json.dumps(said).encode())) is ProviderExhausted


def test_a_web_page_in_place_of_an_error_is_read_by_its_status():
    error = AnthropicChat().error(502, {}, b"<html>Bad gateway</html>")
    assert type(error) is ProviderRefused
    assert "<" not in error.cause


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidInput("A", "B."), "invalid_request_error"),
        (RequestRejected("A", "B."), "invalid_request_error"),
        (Unauthenticated("A", "B."), "authentication_error"),
        (NotFound("A", "B."), "not_found_error"),
        (TooLarge("A", "B."), "request_too_large"),
        (LimitReached("A", "B."), "rate_limit_error"),
        (BudgetExceeded("A", "B."), "rate_limit_error"),
        (Overloaded("A", "B."), "overloaded_error"),
        (ProviderError("A", "B."), "api_error"),
        (ProviderTimeout("A", "B."), "timeout_error"),
    ],
)
def test_an_error_is_worded_as_anthropic_words_it(error, kind):
    said = json.loads(AnthropicDoor().error(error, "call_1"))
    assert said == {"type": "error", "error": {"type": kind, "message": "A. B."}, "request_id": "call_1"}
