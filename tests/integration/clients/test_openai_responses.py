"""OpenAI's responses in front of every family."""

import json

import openai
import pytest

from aver.gateway.types import ToolCall
from aver.testing.replies import Reply, Tokens
from tests.integration.clients.test_openai_chat import PIXEL, Leave, _structured

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def test_a_response(chat_gpt, upstream, model):
    upstream.reply = Reply("Twenty days.", tokens=Tokens(12, 5))
    response = chat_gpt.responses.create(model=model, input="How many days of leave?", instructions="Be brief.")
    assert response.output_text == "Twenty days."
    assert response.status == "completed"
    assert (response.usage.input_tokens, response.usage.output_tokens) == (12, 5)
    assert "Be brief." in upstream.last.prompt


def test_a_stream(chat_gpt, upstream, model):
    with chat_gpt.responses.stream(model=model, input="How many days of leave?") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == final.output_text == "Twenty days."
    assert final.status == "completed"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_asked_for_and_its_result_read(chat_gpt, upstream, model, streamed):
    upstream.reply = Reply(tools=(ToolCall("call_1", "weather", '{"city": "Oslo"}'),))
    asked = [{"role": "user", "content": "The weather in Oslo?"}]
    if streamed:
        with chat_gpt.responses.stream(model=model, input=asked, tools=[WEATHER]) as stream:
            response = stream.get_final_response()
    else:
        response = chat_gpt.responses.create(model=model, input=asked, tools=[WEATHER])
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})
    upstream.reply = Reply("It rains.")
    item = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain at 7 degrees"}
    assert chat_gpt.responses.create(model=model, input=[*asked, item, result], tools=[WEATHER]).output_text
    assert "rain at 7 degrees" in json.dumps(upstream.last.body)


def test_structured_output(chat_gpt, upstream, model):
    upstream.reply = _structured
    response = chat_gpt.responses.parse(model=model, input="How many days of leave?", text_format=Leave)
    assert response.output_parsed == Leave(days=20, carried=True)


def test_an_image(chat_gpt, upstream, model):
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]
    assert chat_gpt.responses.create(model=model, input=[{"role": "user", "content": content}]).output_text
    assert PIXEL in json.dumps(upstream.last.body)


def test_a_reply_cut_at_its_length_is_incomplete(chat_gpt, upstream, model):
    upstream.reply = Reply("Twenty", finish="length")
    response = chat_gpt.responses.create(model=model, input="How many days of leave?")
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("rate_limit", openai.RateLimitError),
        ("context_overflow", openai.BadRequestError),
        ("server", openai.InternalServerError),
    ],
)
def test_errors(chat_gpt, upstream, model, error, expected):
    upstream.reply = Reply(error=error)
    for streamed in (False, True):
        with pytest.raises(expected):
            chat_gpt.responses.create(model=model, input="How many days of leave?", stream=streamed)


def test_a_stream_that_breaks_off_never_completes(chat_gpt, upstream, model):
    upstream.reply = Reply("Twenty days of leave a year.", fault="cut", after=10)
    kinds = _kinds(chat_gpt.responses.create(model=model, input="How many days of leave?", stream=True))
    assert "response.completed" not in kinds
    assert {"error", "response.failed"} & set(kinds)


def _kinds(stream):
    kinds = []
    try:
        kinds.extend(event.type for event in stream)
    except openai.APIError:
        kinds.append("error")
    return kinds
