import pytest

from aver.core import Principal
from aver.gateway.calls import Call
from aver.gateway.routing.needs import needs
from aver.gateway.types import ChatRequest, File, Image, Message, OutputFormat, Text, Tool, ToolResult

PICTURE = {"url": "data:image/png;base64,AA=="}


def call(family, body, operation="chat"):
    def never():
        raise AssertionError("the body was enough")

    return Call(Principal("t", "ann"), "m", lambda *_: None, never, operation, family=family, body=body)


def said(content):
    return {"messages": [{"role": "user", "content": "hello"}, {"role": "user", "content": content}]}


@pytest.mark.parametrize(
    ("family", "body", "found"),
    [
        ("openai", said("hi"), set()),
        ("openai", said([{"type": "text", "text": "hi"}]), set()),
        ("openai", said([{"type": "image_url", "image_url": PICTURE}]), {"vision"}),
        ("openai", said([{"type": "file", "file": {}}, {"type": "input_audio", "input_audio": {}}]), {"files"}),
        ("openai", {**said("hi"), "tools": [{"type": "function"}]}, {"tools"}),
        ("openai", {**said("hi"), "tools": []}, set()),
        ("openai", {**said("hi"), "functions": [{"name": "f"}]}, {"tools"}),
        ("openai", {**said("hi"), "response_format": {"type": "json_object"}}, {"json"}),
        ("openai", {**said("hi"), "response_format": {"type": "text"}}, set()),
        ("openai", {**said("hi"), "reasoning_effort": "high"}, {"reasoning"}),
        ("openai", {**said("hi"), "reasoning_effort": "none"}, set()),
        ("responses", {"input": "hi"}, set()),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, {"vision"}),
        ("responses", {"input": [{"type": "function_call_output", "output": [{"type": "input_file"}]}]}, {"files"}),
        ("responses", {"input": "hi", "text": {"format": {"type": "json_schema"}}}, {"json"}),
        ("responses", {"input": "hi", "reasoning": {"effort": "low"}, "tools": [{}]}, {"reasoning", "tools"}),
        ("anthropic", said([{"type": "image", "source": {}}, {"type": "document", "source": {}}]), {"vision", "files"}),
        ("anthropic", said([{"type": "tool_result", "content": [{"type": "image"}]}]), {"vision"}),
        ("anthropic", {**said("hi"), "thinking": {"type": "enabled", "budget_tokens": 2048}}, {"reasoning"}),
        ("anthropic", {**said("hi"), "thinking": {"type": "disabled"}}, set()),
        ("anthropic", {**said("hi"), "output_config": {"format": {"type": "json_schema"}}}, {"json"}),
        ("anthropic", {**said("hi"), "tools": [{"name": "f"}]}, {"tools"}),
        # What is malformed is the door's to refuse.
        ("openai", {"messages": "hi", "response_format": "json", "tools": None}, set()),
        ("openai", {"messages": [None, {"content": [None, {"type": []}]}]}, set()),
        ("responses", {"input": 3, "text": "x", "reasoning": "x"}, set()),
        ("anthropic", {"thinking": "x"}, set()),
    ],
)
def test_a_body_tells_what_it_needs(family, body, found):
    assert needs(call(family, body)) == found


@pytest.mark.parametrize(("operation", "found"), [("embeddings", {"embeddings"}), ("rerank", {"rerank"})])
def test_an_operation_is_a_need(operation, found):
    assert needs(call("openai", {"input": "x"}, operation)) == found


@pytest.mark.parametrize(
    ("chat", "found"),
    [
        (ChatRequest((Message("user", "hi"),)), set()),
        (ChatRequest((Message("user", (Text("hi"), Image(url="x"))),)), {"vision"}),
        (ChatRequest((Message("user", (ToolResult("c", (File(id="f"),)),)),)), {"files"}),
        (ChatRequest((), tools=(Tool("f"),), output=OutputFormat(), effort="low"), {"tools", "json", "reasoning"}),
        (ChatRequest((), effort="none"), set()),
    ],
)
def test_avers_own_request_tells_what_it_needs(chat, found):
    own = Call(Principal("t", "ann"), "m", lambda *_: None, lambda: chat)
    assert needs(own) == found
