"""What the refusals of OpenAI's servers mean, and how long to wait."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
    RequestRejected,
)
from aver.gateway.wire.openai import OpenAIChat
from aver.gateway.wire.refusals import refusal, retry_after, scrub


def said(message, **fields):
    return orjson.dumps({"error": {"message": message, **fields}})


TABLE = [
    (401, said("Incorrect API key provided", code="invalid_api_key"), ProviderDenied),
    (403, said("Country, region, or territory not supported"), ProviderDenied),
    (404, said("The model `x` does not exist", code="model_not_found"), ProviderDenied),
    (404, said("The API deployment does not exist", code="DeploymentNotFound"), ProviderDenied),
    (404, b'{"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError"}', ProviderDenied),
    (404, b'{"detail": "Not Found"}', ProviderDenied),
    (404, b"<html>nothing here</html>", ProviderDenied),
    (404, said("File with id 'x' not found", type="invalid_request_error"), RequestRejected),
    (402, said("Insufficient Balance"), ProviderExhausted),
    (429, said("You exceeded your current quota", code="insufficient_quota"), ProviderExhausted),
    (429, said("You exceeded your current quota, check your plan"), ProviderExhausted),
    (400, said("Your credit balance is too low to access the API"), ProviderExhausted),
    (429, said("Rate limit reached for requests", type="requests", code="rate_limit_exceeded"), ProviderThrottled),
    (429, b"slow down", ProviderThrottled),
    (413, said("Request too large for model `x` on TPM", type="tokens", code="rate_limit_exceeded"), ContextOverflow),
    (400, said("It is too long", code="context_length_exceeded"), ContextOverflow),
    (400, said("This model's maximum context length is 4096 tokens. However, you requested 5000"), ContextOverflow),
    (400, said("The decoder prompt (length 5000) is longer than the maximum model length of 4096"), ContextOverflow),
    (422, said("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096"), ContextOverflow),
    (422, b'{"error": "`inputs` must have less than 1024 tokens", "error_type": "validation"}', ContextOverflow),
    (400, said("the input length exceeds the context length"), ContextOverflow),
    (400, said("the request exceeds the available context size", type="exceed_context_size_error"), ContextOverflow),
    (400, said("Please reduce the length of the messages or completion."), ContextOverflow),
    (
        400,
        b'{"object": "error", "message": "Prompt contains 40 tokens, too large for model with 32 maximum context length"}',
        ContextOverflow,
    ),
    (400, said("maximum prompt length is 131072 but the request contains 140000 tokens."), ContextOverflow),
    (
        400,
        said("filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
        ContentFiltered,
    ),
    (400, said("Rejected by our safety system", code="content_policy_violation"), ContentFiltered),
    (
        400,
        said("Your prompt was flagged as potentially violating our usage policy", code="invalid_prompt"),
        ContentFiltered,
    ),
    (400, said("Content Exists Risk"), ContentFiltered),
    (400, said("Invalid value for 'temperature'"), RequestRejected),
    (400, said("max_tokens is too large: 99999. This model supports at most 16384 completion tokens"), RequestRejected),
    (413, b"<html>413</html>", RequestRejected),
    (422, b'{"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}', RequestRejected),
    (408, said("timed out"), ProviderRefused),
    (409, said("try again"), ProviderRefused),
    (500, said("The server had an error", type="server_error"), ProviderRefused),
    (503, said("overloaded"), ProviderRefused),
    (503, b"", ProviderRefused),
    (302, b"", ProviderRefused),
]


@pytest.mark.parametrize(("status", "body", "kind"), TABLE)
def test_a_refusal_has_its_class(status, body, kind):
    error = OpenAIChat().error(status, {}, body)
    assert type(error) is kind
    assert str(status) in error.cause
    assert error.next_step.endswith(".")
    assert not error.cause.endswith(".")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (said("overloaded", type="server_error"), ProviderRefused),
        (said("slow", code=429), ProviderThrottled),
        (said("too long", code="context_length_exceeded"), ContextOverflow),
        (said("filtered", code="content_filter"), ContentFiltered),
        (said("", code="401"), ProviderDenied),
    ],
)
def test_an_error_within_a_stream_has_its_class_too(body, kind):
    assert type(refusal(0, {}, body)) is kind


def test_a_familys_own_codes_come_first():
    body = said("You exceeded your current quota", status="RESOURCE_EXHAUSTED")
    assert type(refusal(429, {}, body, {"RESOURCE_EXHAUSTED": ProviderThrottled})) is ProviderThrottled


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 15 Jan 2027 09:00:20 GMT", "date": "Fri, 15 Jan 2027 09:00:00 GMT"}, 20),
        ({"x-ratelimit-reset-requests": "1m3.5s"}, 63.5),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "120ms"}, 360),
        (
            {
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-reset-tokens": "120ms",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-remaining-tokens": "0",
            },
            0.12,
        ),
        ({"x-ratelimit-reset-requests": "later"}, None),
        ({"retry-after": "7", "x-ratelimit-reset-requests": "1s"}, 7),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert retry_after(headers, NOW) == (seconds if seconds is None else pytest.approx(seconds))


def test_a_wait_is_told():
    error = refusal(429, {"retry-after": "6.2"}, b"")
    assert error.retry_after == 6.2
    assert error.next_step == "Try again in 7 seconds."


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-aB3dE6gH9jK2",
        "sk-ant-api03-aB3dE6gH9jK2",
        "gsk_aB3dE6gH9jK2",
        "xai-aB3dE6gH9jK2",
        "AIzaSyA1234567890abcdef",
        "AKIAABCDEFGHIJKLMNOP",
        "sk-ab***********yz",
        "Bearer aB3dE6gH9jK2",
    ],
)
def test_keys_are_not_repeated(key):
    error = refusal(401, {}, said(f"You sent {key}, which is wrong"))
    assert "aB3dE6" not in str(error)
    assert key not in str(error)
    assert "which is wrong" in error.cause


@given(st.text("abc .\n\t"), st.text("QXZ", min_size=4, max_size=20))
def test_a_message_is_one_short_line_without_secrets(message, secret):
    shown = scrub(f"{message}{secret}{message * 40}", [secret])
    assert len(shown) <= 300
    assert shown == " ".join(shown.split())
    assert secret not in shown
    assert len(message.split()) < 3 or shown.startswith(message.split()[0])
