import json

import pytest

from aver.core.errors import ProviderError, ProviderRefused
from aver.gateway.adapters.openai_chat import Completion, body, refusal
from aver.gateway.types import ChatRequest, Message, Usage


def event(delta=None, finish=None, **more):
    return json.dumps({"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more})


def test_the_request_names_model_messages_and_limits():
    request = ChatRequest(
        (Message("system", "Be brief."), Message("user", "Why?\ud800")), max_tokens=50, temperature=0.2
    )
    assert json.loads(body(request, "m", ask_usage=True)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why??"}],
        "max_tokens": 50,
        "temperature": 0.2,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "stream_options" not in json.loads(body(request, "m", ask_usage=False))


def test_a_stream_accumulates():
    completion = Completion()
    assert completion.event(event({"role": "assistant", "content": ""})) is None
    assert completion.event(event({"reasoning_content": "hm"})) == ""
    assert completion.event(event({"content": "Hello"})) == "Hello"
    assert completion.event(event({"content": " you"})) == " you"
    assert completion.event(event(finish="stop")) is None
    usage = json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}})
    assert completion.event(usage) is None
    assert not completion.done
    assert completion.event("[DONE]") is None
    assert (completion.finish, completion.usage, completion.characters) == ("stop", Usage(5, 2, None), 9)
    assert completion.done


def test_other_choices_are_not_this_answer():
    other = json.dumps({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]})
    completion = Completion()
    assert completion.event(other) is None
    assert completion.finish is None


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[]",
        "null",
        '"text"',
        '{"choices": 3}',
        '{"choices": [4]}',
        '{"choices": {"a": 1}}',
        '{"choices": [{"delta": "x"}]}',
        '{"choices": [{"delta": {"content": ["x"]}}]}',
        '{"choices": [{"delta": {}, "finish_reason": "boredom"}]}',
        '{"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": 1}}',
        '{"choices": [], "usage": {"input": 3}}',
    ],
)
def test_data_that_is_not_the_protocols_is_a_provider_error(data):
    with pytest.raises(ProviderError):
        Completion().event(data)


@pytest.mark.parametrize(
    ("reason", "finish"), [("length", "length"), ("content_filter", "content_filter"), ("eos_token", "stop")]
)
def test_finish_reasons(reason, finish):
    completion = Completion()
    completion.event(event(finish=reason))
    assert completion.finish == finish


def test_an_error_within_the_stream_is_a_refusal():
    with pytest.raises(ProviderRefused, match="overloaded"):
        Completion().event('{"error": {"message": "overloaded", "code": 529}}')


def test_a_whole_reply():
    completion = Completion()
    reply = {
        "choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    assert completion.whole(json.dumps(reply).encode()) == "Hi."
    assert completion.finish == "stop"
    with pytest.raises(ProviderError, match="no choice"):
        Completion().whole(b'{"choices": []}')
    with pytest.raises(ProviderError, match="cannot be read"):
        Completion().whole(b"<html>")


KEY = "sk-live-abcdefghijkl"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            b'{"error": {"message": "Incorrect API key provided: sk-live-abcdefghijkl."}}',
            "Incorrect API key provided: [key]",
        ),
        (b'{"error": {"message": "Incorrect API key provided: sk-l****************ijkl."}}', "provided: [key]"),
        (b'{"error": "Header was Authorization: Bearer sk-live-abcdefghijkl"}', "Authorization: [key]"),
        (b'{"detail": "no such model"}', "no such model"),
        (b"plain words", "plain words"),
        (b"<html>Bad gateway</html>", "status 502."),
        (b"[1]", "status 502"),
        (b'{"error": {"message": "' + b"long " * 500 + b'"}}', "…"),
        (b"\xff\xfe", "status 502"),
    ],
)
def test_a_refusal_quotes_the_provider_and_never_the_key(answer, says):
    error = refusal("openai-compatible:m", 502, answer, None, KEY)
    assert says in str(error)
    assert KEY not in str(error)
    assert "ijkl" not in str(error)
    assert len(str(error)) < 600


def test_a_refusal_says_what_to_do():
    assert "key" in refusal("m", 401, b"", None, "").next_step
    assert refusal("m", 429, b"", "17", "").next_step == "Try again in 17 seconds."
    assert "redirect" in refusal("m", 302, b"", None, "").next_step
    assert "base_url" in refusal("m", 404, b"", None, "").next_step
