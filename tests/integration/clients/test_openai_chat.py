"""OpenAI's chat completions in front of every family."""

import base64
import json

import openai
import pytest
from pydantic import BaseModel

from aver.gateway.types import ToolCall
from aver.testing.replies import Reply, Tokens

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many days of leave?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
        "c9fe92ef0000000049454e44ae426082"
    )
).decode()


class Leave(BaseModel):
    days: int
    carried: bool


def test_a_completion(chat_gpt, upstream, model):
    upstream.reply = Reply("Twenty days.", tokens=Tokens(12, 5, cached=4))
    completion = chat_gpt.chat.completions.create(model=model, messages=ASKED, max_tokens=50, temperature=0.5)
    (choice,) = completion.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "Twenty days.")
    assert choice.finish_reason == "stop"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (12, 5)
    assert "Be brief." in upstream.last.prompt
    assert "How many days of leave?" in upstream.last.prompt


def test_a_stream(chat_gpt, upstream, model):
    text = "Twenty days a year — ünïcödé 🙂 — and ten carry over.\n\n  Indented."
    upstream.reply = Reply(text, tokens=Tokens(12, 9))
    chunks = list(
        chat_gpt.chat.completions.create(
            model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (12, 9)


def test_a_stream_without_usage_shows_none(chat_gpt, upstream, model):
    chunks = list(chat_gpt.chat.completions.create(model=model, messages=ASKED, stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.choices for chunk in chunks if model != "on-azure")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_asked_for_and_its_result_read(chat_gpt, upstream, model, streamed):
    call = ToolCall("call_1", "weather", '{"city": "Oslo"}')
    upstream.reply = Reply(tools=(call,))
    message, finish = _asked(chat_gpt, model, streamed, ASKED, tools=[WEATHER], tool_choice="auto")
    assert finish == "tool_calls"
    (asked,) = message["tool_calls"]
    assert (asked["function"]["name"], json.loads(asked["function"]["arguments"])) == ("weather", {"city": "Oslo"})
    assert "weather" in json.dumps(upstream.last.body)
    upstream.reply = Reply("It rains.")
    result = {"role": "tool", "tool_call_id": asked["id"], "content": "rain at 7 degrees"}
    message, finish = _asked(chat_gpt, model, streamed, [*ASKED, message, result], tools=[WEATHER])
    assert (message["content"], finish) == ("It rains.", "stop")
    assert "rain at 7 degrees" in json.dumps(upstream.last.body)


def test_two_tools_at_once(chat_gpt, upstream, model):
    calls = (ToolCall("call_1", "weather", '{"city": "Oslo"}'), ToolCall("call_2", "weather", '{"city": "Rome"}'))
    upstream.reply = Reply(tools=calls)
    for streamed in (False, True):
        message, _ = _asked(chat_gpt, model, streamed, ASKED, tools=[WEATHER])
        cities = [json.loads(call["function"]["arguments"])["city"] for call in message["tool_calls"]]
        assert cities == ["Oslo", "Rome"]
        assert len({call["id"] for call in message["tool_calls"]}) == 2


def test_structured_output(chat_gpt, upstream, model):
    upstream.reply = _structured
    completion = chat_gpt.chat.completions.parse(model=model, messages=ASKED, response_format=Leave)
    assert completion.choices[0].message.parsed == Leave(days=20, carried=True)
    assert "carried" in json.dumps(upstream.last.body), "the schema must reach the provider"


def test_an_image(chat_gpt, upstream, model):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    completion = chat_gpt.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert completion.choices[0].message.content == "Twenty days."
    assert PIXEL in json.dumps(upstream.last.body)


def test_a_reply_cut_at_its_length(chat_gpt, upstream, model):
    upstream.reply = Reply("Twenty", finish="length")
    assert chat_gpt.chat.completions.create(model=model, messages=ASKED).choices[0].finish_reason == "length"
    *_, last = [c for c in chat_gpt.chat.completions.create(model=model, messages=ASKED, stream=True) if c.choices]
    assert last.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("rate_limit", openai.RateLimitError),
        ("context_overflow", openai.BadRequestError),
        ("invalid_request", openai.BadRequestError),
        ("auth", openai.InternalServerError),  # the provider's key is wrong, not the caller's
        ("server", openai.InternalServerError),
        ("overloaded", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_errors(chat_gpt, upstream, model, error, expected, streamed):
    upstream.reply = Reply(error=error)
    with pytest.raises(expected) as caught:
        chat_gpt.chat.completions.create(model=model, messages=ASKED, stream=streamed)
    assert caught.value.body["code"]
    assert "a-key-of-the-provider" not in str(caught.value)


def test_a_stream_that_breaks_off_is_an_error(chat_gpt, upstream, model):
    for fault in ("cut", "unfinished", "malformed", "error-event"):
        upstream.reply = Reply("Twenty days of leave a year.", fault=fault, after=10)
        with pytest.raises(openai.APIError):
            list(chat_gpt.chat.completions.create(model=model, messages=ASKED, stream=True))


def _structured(received):
    """As JSON text, or through the tool that a family without structured output is made to call."""
    answer = '{"days": 20, "carried": true}'
    forced = (received.body.get("toolConfig") or {}).get("toolChoice", {}).get("tool")
    return Reply(tools=(ToolCall("call_1", forced["name"], answer),)) if forced else Reply(answer)


def _asked(client, model, streamed, messages, **options):
    """The assistant's message as a client would send it back, and the finish reason."""
    if not streamed:
        (choice,) = client.chat.completions.create(model=model, messages=messages, **options).choices
        return choice.message.model_dump(exclude_none=True), choice.finish_reason
    message, finish = {"role": "assistant", "content": ""}, None
    calls = {}
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True, **options):
        for choice in chunk.choices:
            message["content"] += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(
                    piece.index, {"type": "function", "id": "", "function": {"name": "", "arguments": ""}}
                )
                call["id"] += piece.id or ""
                call["function"]["name"] += piece.function.name or ""
                call["function"]["arguments"] += piece.function.arguments or ""
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return message, finish
