"""Chat completions as whole replies, and the errors that Aver answers with."""

import orjson
import pytest

from aver.core import errors
from aver.core.errors import AverError, ProviderError, ProviderThrottled
from aver.gateway.types import Completion, Opaque, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.openai import OpenAIChat, OpenAIDoor

NAMED = {"reply_id": "chatcmpl-1", "model": "route", "created": 7}


def body(message=None, finish="stop", **fields):
    choice = {"index": 0, "message": message or {"role": "assistant", "content": "Hi"}, "finish_reason": finish}
    return orjson.dumps({"id": "x", "model": "m", "choices": [choice], **fields})


def read(data):
    return OpenAIChat().completion(data)


def test_a_reply_of_the_reference_is_read():
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Let me see.", "reasoning_content": "hm", "tool_calls": [call]}
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 9,
        "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    data = body(message, "tool_calls", usage=usage)
    assert read(data) == Completion(
        (Reasoning("hm", family="openai"), Text("Let me see."), ToolCall("call_1", "look", "{}")),
        "tool_calls",
        Usage(12, 9, None, cached_tokens=8, cache_write_tokens=2, reasoning_tokens=4),
        "x",
        "m",
        "openai",
        data,
    )


@pytest.mark.parametrize(
    ("parts", "finish"),
    [
        ((Text("Hi"),), "stop"),
        ((Text(""),), "length"),
        ((Reasoning("hm", family="openai"), Text("Hi")), "content_filter"),
        ((ToolCall("call_1", "look", "{}"), ToolCall("call_2", "look", "[")), "tool_calls"),
    ],
)
def test_a_reply_that_is_written_is_read_again_as_it_was(parts, finish):
    usage = Usage(5, 6, None, cached_tokens=1, reasoning_tokens=2)
    written = OpenAIDoor().completion(Completion(parts, finish, usage, family="anthropic"), {}, **NAMED)
    again = read(written)
    assert tuple(part for part in again.parts if part != Text("")) == tuple(p for p in parts if p != Text(""))
    assert (again.finish, again.usage, again.id, again.model) == (finish, usage, "chatcmpl-1", "route")
    assert orjson.loads(written)["created"] == 7


def test_a_reply_of_the_same_family_is_shown_as_it_came():
    data = body(system_fingerprint="fp", usage={"prompt_tokens": 1, "completion_tokens": 1})
    assert OpenAIDoor().completion(read(data), {}, **NAMED) == data


def test_another_familys_reply_is_written_anew():
    reply = Completion((Opaque("anthropic", {}), Text("Hi")), "stop", family="anthropic", raw=b"{}")
    assert orjson.loads(OpenAIDoor().completion(reply, {}, **NAMED))["choices"][0]["message"]["content"] == "Hi"


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (
            {"prompt_tokens": 5, "completion_tokens": 6, "prompt_cache_hit_tokens": 4},
            Usage(5, 6, None, cached_tokens=4),
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 6,
                "total_tokens": 18,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            Usage(5, 13, None, reasoning_tokens=7),
        ),
        ({"prompt_tokens": None, "completion_tokens": 6, "prompt_tokens_details": None}, Usage(0, 6, None)),
        (None, None),
    ],
)
def test_usage_of_servers_in_the_wild(usage, told):
    assert read(body(usage=usage)).usage == told


@pytest.mark.parametrize(
    ("message", "reason", "finish", "parts"),
    [
        ({"content": "Hi"}, "eos_token", "stop", (Text("Hi"),)),
        ({"content": "Hi"}, "model_length", "length", (Text("Hi"),)),
        ({"content": None, "refusal": "No."}, "stop", "content_filter", (Text("No."),)),
        ({"content": "Hi", "reasoning": "hm"}, "stop", "stop", (Reasoning("hm", family="openai"), Text("Hi"))),
        (
            {"tool_calls": [{"function": {"name": "look", "arguments": {"a": 1}}}]},
            "stop",
            "tool_calls",
            (ToolCall("call_0", "look", '{"a":1}'),),
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "Hi"}]},
            "stop",
            "stop",
            (Reasoning("hm", family="openai"), Text("Hi")),
        ),
    ],
)
def test_replies_of_servers_in_the_wild(message, reason, finish, parts):
    reply = read(body(message, reason))
    assert (reply.finish, reply.parts) == (finish, parts)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"choices": []}', "cannot be read"),
        (b'{"choices": [{"message": {"content": 3}, "finish_reason": "stop"}]}', "not text"),
        (body(finish=None), "for the reason 'None'"),
        (body(finish="abort"), "for the reason 'abort'"),
        (b'{"error": {"message": "overloaded"}}', "overloaded"),
    ],
)
def test_what_is_no_reply_is_an_error(data, says):
    with pytest.raises(ProviderError, match=says):
        read(data)


def test_an_error_has_the_form_that_openais_clients_read():
    told = orjson.loads(OpenAIDoor().error(ProviderThrottled("It is too much", "Wait."), "call_1"))
    error = {
        "message": "It is too much. Wait.",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert told == {"error": error}


@pytest.mark.parametrize(
    ("name", "type_", "code"),
    [
        ("Unauthenticated", "authentication_error", "unauthenticated"),
        ("NotFound", "not_found_error", "not_found"),
        ("InvalidInput", "invalid_request_error", "invalid_input"),
        ("ContextOverflow", "invalid_request_error", "context_length_exceeded"),
        ("ContentFiltered", "invalid_request_error", "content_filter"),
        ("BudgetExceeded", "rate_limit_error", "budget_exceeded"),
        ("Overloaded", "server_error", "overloaded"),
        ("ProviderTimeout", "server_error", "provider_timeout"),
    ],
)
def test_the_type_and_code_of_an_error(name, type_, code):
    made: AverError = getattr(errors, name)("It is so", "Do this.")
    error = orjson.loads(OpenAIDoor().error(made, "call_1"))["error"]
    assert (error["type"], error["code"]) == (type_, code)
