"""What Bedrock answers."""

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
from aver.gateway.types import Image, Opaque, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.bedrock import BedrockChat
from aver.gateway.wire.eventstream import write_message
from aver.gateway.wire.registry import embed_dialect

USAGE = {
    "inputTokens": 10,
    "outputTokens": 20,
    "totalTokens": 75,
    "cacheReadInputTokens": 30,
    "cacheWriteInputTokens": 15,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 5}, {"ttl": "5m", "inputTokens": 10}],
}
COUNTED = Usage(55, 20, None, cached_tokens=30, cache_write_tokens=10, cache_write_long_tokens=5)


def whole(*content, reason="end_turn", usage=USAGE):
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason, "usage": usage}
    return BedrockChat().completion(json.dumps(body).encode())


def event(kind, payload):
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_message(headers, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


def start(index, name, id_="tooluse_1"):
    return event(
        "contentBlockStart", {"start": {"toolUse": {"toolUseId": id_, "name": name}}, "contentBlockIndex": index}
    )


def delta(index, **said):
    return event("contentBlockDelta", {"delta": said, "contentBlockIndex": index, "p": "abc"})


def stop(reason):
    return event("messageStop", {"stopReason": reason})


def read(*events):
    return BedrockChat().reader(asked_usage=True).feed(b"".join(events))


def test_a_whole_reply_is_read_with_thoughts_calls_and_usage():
    completion = whole(
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "eHg="}},
        {"text": "I look it up."},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Bern"}}},
        reason="tool_use",
    )
    assert completion.parts == (
        Reasoning("Hm.", "c2ln", family="bedrock"),
        Reasoning(data="eHg=", family="bedrock"),
        Text("I look it up."),
        ToolCall("tooluse_1", "weather", '{"city":"Bern"}'),
    )
    assert (completion.finish, completion.usage, completion.family) == ("tool_calls", COUNTED, "bedrock")


def test_a_stream_is_read_piece_by_piece_and_the_usage_comes_last():
    reader = BedrockChat().reader(asked_usage=True)
    deltas = reader.feed(
        event("messageStart", {"role": "assistant"})
        + delta(0, reasoningContent={"text": "Hm."})
        + delta(0, reasoningContent={"signature": "c2ln"})
        + delta(1, text="I look ")
        + delta(1, text="it up.")
        + event("contentBlockStop", {"contentBlockIndex": 1})
        + start(2, "weather")
        + delta(2, toolUse={"input": '{"city": '})
        + delta(2, toolUse={"input": '"Bern"}'})
        + start(3, "now", "tooluse_2")
        + event("somethingNew", {"x": 1})
        + stop("tool_use")
    )
    assert not reader.done
    assert [each.reasoning for each in deltas[:2]] == [
        Reasoning("Hm.", family="bedrock"),
        Reasoning(signature="c2ln", family="bedrock"),
    ]
    assert [each.text for each in deltas[2:4]] == ["I look ", "it up."]
    tools = [each.tool for each in deltas if each.tool]
    assert [(each.index, each.id, each.name, each.arguments) for each in tools] == [
        (0, "tooluse_1", "weather", ""),
        (0, "", "", '{"city": '),
        (0, "", "", '"Bern"}'),
        (1, "tooluse_2", "now", ""),
    ]
    assert deltas[-1].finish == "tool_calls"
    [last] = reader.feed(event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}}))
    assert (last.usage, reader.done) == (COUNTED, True)


def test_an_answer_through_a_tool_reads_as_the_json_that_was_asked_for():
    call = {"toolUse": {"toolUseId": "t", "name": "structured_answer", "input": {"city": "Bern"}}}
    completion = whole(call, reason="tool_use")
    assert (completion.parts, completion.finish) == ((Text('{"city":"Bern"}'),), "stop")
    deltas = read(
        start(0, "structured_answer"),
        delta(0, toolUse={"input": '{"city": '}),
        delta(0, toolUse={"input": '"Bern"}'}),
        stop("tool_use"),
    )
    assert "".join(each.text for each in deltas) == '{"city": "Bern"}'
    assert deltas[-1].finish == "stop"
    assert not any(each.tool for each in deltas)


def test_beside_an_answer_other_calls_stay_calls():
    deltas = read(
        start(0, "structured_answer"),
        delta(0, toolUse={"input": "{}"}),
        start(1, "weather"),
        delta(1, toolUse={"input": "{}"}),
        stop("tool_use"),
    )
    assert [each.tool.index for each in deltas if each.tool] == [0, 0]
    assert deltas[-1].finish == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_finish_reasons(reason, finish):
    assert whole({"text": "Hi"}, reason=reason).finish == finish
    assert read(stop(reason))[0].finish == finish


@pytest.mark.parametrize("reason", ["malformed_tool_use", "something_new"])
def test_a_reply_cut_for_an_unknown_reason_does_not_pass_as_whole(reason):
    with pytest.raises(ProviderError, match=reason):
        whole({"text": "Hi"}, reason=reason)
    with pytest.raises(ProviderError, match=reason):
        read(stop(reason))


def test_parts_of_other_kinds_are_kept():
    other = {"searchResult": {"title": "x"}}
    cited = {"citationsContent": {"content": [{"text": "Cited."}], "citations": []}}
    image = {"image": {"format": "png", "source": {"bytes": "aQ=="}}}
    assert whole({"text": "Hi"}, other, cited, image).parts == (
        Text("Hi"),
        Opaque("bedrock", other),
        Text("Cited."),
        Image("image/png", "aQ=="),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"output": {"message": {"content": []}}, "stopReason": "end_turn"}',
        b'{"output": {"message": {"content": [{"text": 5}]}}, "stopReason": "end_turn"}',
        b'{"output": {"message": {"content": [{"text": "Hi"}]}}}',
        b'{"output": {"message": {"content": [{"text": "Hi"}]}}, "stopReason": "end_turn", "usage": {"x": 1}}',
    ],
)
def test_what_is_no_reply_is_an_error(body):
    with pytest.raises(ProviderError):
        BedrockChat().completion(body)


@pytest.mark.parametrize(
    "events",
    [
        [event("contentBlockDelta", b"{")],
        [event("contentBlockDelta", {"delta": {"text": 5}, "contentBlockIndex": 0})],
        [delta(0, toolUse={"input": "{}"})],
        [event("messageStop", {})],
        [event("metadata", {"usage": {}}), event("metadata", {"usage": {"inputTokens": "x"}})],
    ],
)
def test_what_is_no_event_is_an_error(events):
    with pytest.raises(ProviderError):
        read(*events)


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("throttlingException", "Too many requests", ProviderThrottled),
        ("modelStreamErrorException", "The model failed", ProviderRefused),
        ("internalServerException", "Unexpected", ProviderRefused),
        ("serviceUnavailableException", "Not now", ProviderRefused),
        ("validationException", "Input is too long for requested model.", ContextOverflow),
        ("validationException", "The value at x is wrong.", RequestRejected),
    ],
)
def test_an_exception_within_a_stream_is_an_error(name, message, kind):
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    with pytest.raises(kind, match=message.rstrip(".")) as raised:
        read(delta(0, text="Hi"), write_message(headers, json.dumps({"message": message}).encode()))
    assert type(raised.value) is kind


def test_an_error_of_the_streams_own_is_an_error():
    headers = {":error-code": "InternalFailure", ":error-message": "It broke.", ":message-type": "error"}
    with pytest.raises(ProviderRefused, match="It broke"):
        read(write_message(headers, b""))


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (429, "ThrottlingException", "Too many requests, please wait before trying again.", ProviderThrottled),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", ProviderThrottled),
        (429, "ThrottlingException", "Too many tokens per day, please wait.", ProviderExhausted),
        (400, "ServiceQuotaExceededException", "Your request exceeds the quota.", ProviderExhausted),
        (403, "AccessDeniedException", "You don't have access to the model.", ProviderDenied),
        (403, "UnrecognizedClientException", "The security token is invalid.", ProviderDenied),
        (403, "ExpiredTokenException", "The security token is expired.", ProviderDenied),
        (403, "InvalidSignatureException", "The signature does not match.", ProviderDenied),
        (404, "ResourceNotFoundException", "Could not resolve the foundation model.", ProviderDenied),
        (400, "ValidationException", "The provided model identifier is invalid.", ProviderDenied),
        (400, "ValidationException", "Input is too long for requested model.", ContextOverflow),
        (400, "ValidationException", "prompt is too long: 210000 tokens > 200000 maximum", ContextOverflow),
        (400, "ValidationException", "input length and `max_tokens` exceed context limit: 9 + 8 > 16", ContextOverflow),
        (400, "ValidationException", "This request has been blocked by our content filters.", ContentFiltered),
        (400, "ValidationException", "Malformed input request.", RequestRejected),
        (408, "ModelTimeoutException", "The model took too long.", ProviderRefused),
        (429, "ModelNotReadyException", "The model is not ready.", ProviderRefused),
        (424, "ModelErrorException", "The model failed.", ProviderRefused),
        (503, "ServiceUnavailableException", "Try again.", ProviderRefused),
        (500, "InternalServerException", "Unexpected.", ProviderRefused),
    ],
)
def test_errors_are_known_by_their_name_in_the_header_or_the_body(status, name, message, kind):
    said = {"message": message}
    long_name = f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    in_header = BedrockChat().error(status, {"x-amzn-errortype": long_name}, json.dumps(said).encode())
    in_body = BedrockChat().error(status, {}, json.dumps(said | {"__type": f"com.amazon.coral#{name}"}).encode())
    for error in (in_header, in_body):
        assert type(error) is kind
        assert message.rstrip(".")[:30] in error.cause
        assert error.next_step.endswith(".")


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b"5"])
def test_errors_that_say_nothing_are_known_by_their_status(body):
    error = BedrockChat().error(503, {"retry-after": "3"}, body)
    assert (type(error), error.retry_after) == (ProviderRefused, 3)


def test_embeddings_of_titan_and_cohere_are_read():
    dialect = embed_dialect("bedrock")
    titan = dialect.embeddings(b'{"embedding": [0.6, 0.8], "inputTextTokenCount": 4}')
    assert (titan.vectors, titan.usage) == (((0.6, 0.8),), Usage(4, 0, None))
    for form in (b"[[1, 0], [0, 1]]", b'{"float": [[1, 0], [0, 1]]}'):
        assert dialect.embeddings(b'{"embeddings": %s}' % form).vectors == ((1, 0), (0, 1))
    for body in (b"{", b"{}", b"[]", b'{"embeddings": {"int8": []}}', b'{"embedding": 5}'):
        with pytest.raises(ProviderError):
            dialect.embeddings(body)
