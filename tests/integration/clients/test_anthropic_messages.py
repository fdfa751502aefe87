"""Anthropic's messages in front of every family."""

import anthropic
import pytest

from aver.gateway.types import ToolCall
from aver.testing.replies import Reply, Tokens
from tests.integration.clients.test_openai_chat import PIXEL

ASKED = [{"role": "user", "content": "How many days of leave?"}]
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def test_a_message(claude, upstream, model):
    upstream.reply = Reply("Twenty days.", tokens=Tokens(12, 5, cached=4))
    message = claude.messages.create(model=model, max_tokens=100, system="Be brief.", messages=ASKED)
    assert [(block.type, block.text) for block in message.content] == [("text", "Twenty days.")]
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")
    usage = message.usage
    assert usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0) == 12
    assert usage.output_tokens == 5
    assert "Be brief." in upstream.last.prompt


def test_a_stream(claude, upstream, model):
    upstream.reply = Reply("Twenty days a year.", tokens=Tokens(12, 5))
    with claude.messages.stream(model=model, max_tokens=100, messages=ASKED) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == "Twenty days a year."
    assert final.content[0].text == text
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_asked_for_and_its_result_read(claude, upstream, model, streamed):
    upstream.reply = Reply("I look.", tools=(ToolCall("call_1", "weather", '{"city": "Oslo"}'),))
    message = _asked(claude, model, streamed, ASKED, tools=[WEATHER], tool_choice={"type": "auto"})
    assert message.stop_reason == "tool_use"
    (call,) = [block for block in message.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("weather", {"city": "Oslo"})
    upstream.reply = Reply("It rains.")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain at 7 degrees"}
    said = [*ASKED, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    message = _asked(claude, model, streamed, said, tools=[WEATHER])
    assert message.content[-1].text == "It rains."
    assert b"rain at 7 degrees" in upstream.last.raw


def test_an_image(claude, upstream, model):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert claude.messages.create(model=model, max_tokens=100, messages=[{"role": "user", "content": content}])
    assert PIXEL.encode() in upstream.last.raw


def test_a_reply_cut_at_its_length(claude, upstream, model):
    upstream.reply = Reply("Twenty", finish="length")
    assert claude.messages.create(model=model, max_tokens=100, messages=ASKED).stop_reason == "max_tokens"


def test_tokens_are_counted(claude, upstream, model):
    counted = claude.messages.count_tokens(model=model, messages=ASKED)
    assert counted.input_tokens >= 5


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("rate_limit", anthropic.RateLimitError),
        ("context_overflow", anthropic.BadRequestError),
        ("invalid_request", anthropic.BadRequestError),
        ("auth", anthropic.InternalServerError),
        ("server", anthropic.InternalServerError),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_errors(claude, upstream, model, error, expected, streamed):
    upstream.reply = Reply(error=error)
    with pytest.raises(expected) as caught:
        claude.messages.create(model=model, max_tokens=100, messages=ASKED, stream=streamed)
    assert caught.value.body["error"]["type"]


def test_a_stream_that_breaks_off_is_an_error(claude, upstream, model):
    for fault in ("cut", "unfinished", "malformed", "error-event"):
        upstream.reply = Reply("Twenty days of leave a year.", fault=fault, after=10)
        with pytest.raises(anthropic.APIError):
            _asked(claude, model, True, ASKED)


def _asked(client, model, streamed, messages, **options):
    if not streamed:
        return client.messages.create(model=model, max_tokens=100, messages=messages, **options)
    with client.messages.stream(model=model, max_tokens=100, messages=messages, **options) as stream:
        return stream.get_final_message()
