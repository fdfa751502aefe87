"""What Gemini answers."""

import json

import pytest

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
    RequestRejected,
)
from aver.gateway.types import ChatRequest, Message, Opaque, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.gemini import GeminiChat, GeminiEmbeddings
from aver.gateway.wire.types import Endpoint

PARTS = [
    {"text": "Let me see.", "thought": True},
    {"text": "I look it up."},
    {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Bern"}}, "thoughtSignature": "c2ln"},
    {"functionCall": {"name": "now", "args": {}}},
]
USAGE = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 8,
    "toolUsePromptTokenCount": 3,
    "candidatesTokenCount": 10,
    "thoughtsTokenCount": 5,
    "totalTokenCount": 38,
}


def reply(parts, reason="STOP", **fields):
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}
    candidate = {name: value for name, value in candidate.items() if value is not None}
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash-001", "responseId": "r1", **fields}


def event(*args, **fields):
    return b"data: " + json.dumps(reply(*args, **fields)).encode() + b"\r\n\r\n"


def read(*events):
    return GeminiChat().reader(asked_usage=True).feed(b"".join(events))


def whole(*args, **fields):
    return GeminiChat().completion(json.dumps(reply(*args, **fields)).encode())


def test_a_whole_reply_is_read_with_thoughts_calls_and_usage():
    completion = whole(PARTS, usageMetadata=USAGE)
    thought, text, call, made = completion.parts
    assert thought == Reasoning("Let me see.", family="gemini")
    assert text == Text("I look it up.")
    assert call == ToolCall("call_1", "weather", '{"city":"Bern"}', "c2ln")
    assert (made.name, made.arguments, made.id[:5]) == ("now", "{}", "call_")
    assert completion.finish == "tool_calls"
    assert completion.usage == Usage(23, 15, None, cached_tokens=8, reasoning_tokens=5)
    assert (completion.id, completion.model, completion.family) == ("r1", "gemini-2.5-flash-001", "gemini")


def test_a_stream_gives_the_same_with_id_and_model_first_and_usage_last():
    deltas = read(*[event([part], None) for part in PARTS], event([{"text": ""}], usageMetadata=USAGE))
    assert (deltas[0].id, deltas[0].model) == ("r1", "gemini-2.5-flash-001")
    assert deltas[0].reasoning == Reasoning("Let me see.", family="gemini")
    assert deltas[1].text == "I look it up."
    first, second = deltas[2].tool, deltas[3].tool
    assert (first.index, first.id, first.name, first.arguments) == (0, "call_1", "weather", '{"city":"Bern"}')
    assert first.signature == "c2ln"
    assert (second.index, second.name) == (1, "now")
    assert deltas[4].finish == "tool_calls"
    assert deltas[4].usage == Usage(23, 15, None, cached_tokens=8, reasoning_tokens=5)
    assert len(deltas) == 5


def test_a_call_without_id_gets_the_same_one_whole_and_streamed_and_no_other_has_it():
    calls = [{"functionCall": {"name": "now", "args": {}}}] * 2
    ids = [part.id for part in whole(calls).parts]
    assert ids == [delta.tool.id for delta in read(event(calls)) if delta.tool]
    assert len(set(ids)) == 2
    assert {part.id for part in whole(calls, responseId="r2").parts}.isdisjoint(ids)


def test_signatures_survive_the_way_to_the_caller_and_back():
    parts = [
        *PARTS[:3],
        {"text": "", "thoughtSignature": "ZW5k"},
    ]
    chat = ChatRequest((Message("user", "hi"), Message("assistant", whole(parts).parts)))
    sent = json.loads(GeminiChat().request(chat, Endpoint("", "gemini-3-pro"), stream=False).body)
    assert sent["contents"][1]["parts"] == parts


def test_a_reader_is_done_at_the_finish_and_reads_a_count_that_comes_later():
    reader = GeminiChat().reader(asked_usage=True)
    reader.feed(event([{"text": "Hi"}], None))
    assert not reader.done
    [finish] = reader.feed(event([], "MAX_TOKENS"))
    assert (finish.finish, finish.usage, reader.done) == ("length", None, True)
    [late] = reader.feed(b'data: {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2}}\n\n')
    assert late.usage == Usage(4, 2, None)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("BLOCKLIST", "content_filter"),
    ],
)
def test_finish_reasons(reason, finish):
    assert whole([{"text": "Hi"}], reason).finish == finish
    assert read(event([{"text": "Hi"}], reason))[-1].finish == finish


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "SOMETHING_NEW"])
def test_a_reply_cut_for_an_unknown_reason_does_not_pass_as_whole(reason):
    with pytest.raises(ProviderError, match=reason):
        whole([{"text": "Hi"}], reason)
    with pytest.raises(ProviderError, match=reason):
        read(event([{"text": "Hi"}], reason))


def test_a_blocked_prompt_is_filtered_content():
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    with pytest.raises(ContentFiltered, match="PROHIBITED_CONTENT"):
        GeminiChat().completion(json.dumps(blocked).encode())
    with pytest.raises(ContentFiltered, match="PROHIBITED_CONTENT"):
        read(b"data: " + json.dumps(blocked).encode() + b"\n\n")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"candidates": []}',
        b'{"candidates": [{"content": {"parts": [{"text": 5}]}, "finishReason": "STOP"}]}',
        b'{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {}}]}, "finishReason": "STOP"}]}',
        b'{"candidates": {"content": "Hi"}}',
    ],
)
def test_what_is_no_reply_is_an_error(body):
    with pytest.raises(ProviderError):
        GeminiChat().completion(body)


@pytest.mark.parametrize("data", [b"{", b"5", b'{"candidates": 5}', b'{"candidates": [{"content": {"parts": [5]}}]}'])
def test_what_is_no_event_is_an_error(data):
    with pytest.raises(ProviderError):
        read(b"data: " + data + b"\n\n")


def test_an_error_within_a_stream_is_one():
    said = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    with pytest.raises(ProviderRefused, match="overloaded"):
        read(event([{"text": "Hi"}], None), b"data: " + json.dumps(said).encode() + b"\n\n")


def test_parts_of_other_kinds_are_kept():
    image, code = {"inlineData": {"mimeType": "image/png", "data": "aQ=="}}, {"executableCode": {"code": "1"}}
    parts = whole([{"text": "Hi"}, image, code]).parts
    assert (parts[1].media_type, parts[1].data) == ("image/png", "aQ==")
    assert parts[2] == Opaque("gemini", code)


def quota(period, **violation):
    said = {"quotaId": f"GenerateRequestsPer{period}PerProjectPerModel", "quotaValue": "10", **violation}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [said]}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
SPENT = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "code", "message", "details", "kind", "wait"),
    [
        (429, "RESOURCE_EXHAUSTED", SPENT, [quota("Minute"), RETRY], ProviderThrottled, 12.5),
        (429, "RESOURCE_EXHAUSTED", SPENT, [quota("Day"), RETRY], ProviderExhausted, 12.5),
        (429, "RESOURCE_EXHAUSTED", SPENT, [quota("Minute", quotaValue="0")], ProviderExhausted, None),
        (429, "RESOURCE_EXHAUSTED", SPENT, [], ProviderExhausted, None),
        (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", [], ProviderThrottled, None),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", [], ProviderDenied, None),
        (403, "PERMISSION_DENIED", "The caller does not have permission", [], ProviderDenied, None),
        (400, "INVALID_ARGUMENT", "API key not valid.", [KEY], ProviderDenied, None),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", [], ProviderDenied, None),
        (404, "NOT_FOUND", "models/x is not found for API version v1beta", [], ProviderDenied, None),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (9) exceeds the maximum number of tokens allowed (8).",
            [],
            ContextOverflow,
            None,
        ),
        (400, "INVALID_ARGUMENT", "Unknown name 'x': Cannot find field.", [], RequestRejected, None),
        (503, "UNAVAILABLE", "The model is overloaded.", [RETRY], ProviderRefused, 12.5),
        (500, "INTERNAL", "An internal error has occurred.", [], ProviderRefused, None),
        (504, "DEADLINE_EXCEEDED", "Deadline expired.", [], ProviderRefused, None),
    ],
)
def test_errors(status, code, message, details, kind, wait):
    said = {"code": status, "message": message, "status": code, "details": details}
    for body in ({"error": said}, [{"error": said}]):
        error = GeminiChat().error(status, {}, json.dumps(body).encode())
        assert type(error) is kind
        assert error.retry_after == wait
        assert message.rstrip(".")[:40] in error.cause
        assert error.next_step.endswith(".")


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": 5}', b'{"error": {"details": 5}}']
)
def test_errors_that_say_nothing_are_known_by_their_status(body):
    assert type(GeminiChat().error(502, {"retry-after": "3"}, body)) is ProviderRefused


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"embeddings": [{}]}', b'{"embeddings": 5}'])
def test_what_are_no_embeddings_is_an_error(body):
    with pytest.raises(ProviderError):
        GeminiEmbeddings().embeddings(body)
