import pytest

from aver.gateway.calling.checks import failed
from aver.gateway.types import ChatRequest, Completion, Message, OutputFormat, Text, ToolCall

SCHEMA = {
    "type": "object",
    "properties": {
        "days": {"type": "integer"},
        "kind": {"enum": ["paid", "unpaid"]},
        "who": {"type": ["string", "null"]},
    },
    "required": ["days"],
    "additionalProperties": False,
}


def check(name, text, *, finish="stop", schema=None):
    chat = ChatRequest((Message("user", "?"),), output=OutputFormat(schema) if schema else None)
    return not failed((name,), Completion((Text(text),), finish), lambda: chat)


def test_nonempty_and_complete():
    assert check("nonempty", "Yes.")
    assert not check("nonempty", " \n")
    assert check("complete", "Yes.")
    assert not check("complete", "Yes, and th", finish="length")


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot answer this.",
        "I\u2019m unable to say.",
        "As an AI language model, I have no opinion.",
        "Unfortunately, I do not have access to it.",
        "Sorry, no.",
    ],
)
def test_a_refusal_is_noticed(text):
    assert not check("no_refusal", text)


@pytest.mark.parametrize(
    "text",
    ["You cannot carry over more than ten days.", "Say sorry to your lead.", "The policy cannot be waived.", "Ten."],
)
def test_what_only_sounds_like_a_refusal_is_none(text):
    assert check("no_refusal", text)


def test_filtered_is_refused():
    assert not check("no_refusal", "Ten", finish="content_filter")


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("Ten days carry over.", True),
        ("I'm not entirely sure, but ten days.", False),
        ("I think ten days.", False),
        ("There is not enough information.", False),
        ("It might be ten.", False),
    ],
)
def test_doubt_is_noticed(text, sure):
    assert check("confident", text) == sure


@pytest.mark.parametrize(
    ("text", "schema", "fits"),
    [
        ('{"days": 10}', None, True),
        ('```json\n{"days": 10}\n```', SCHEMA, True),
        ('{"days": 10, "kind": "paid", "who": null}', SCHEMA, True),
        ("Ten days.", None, False),
        ('{"days": "ten"}', SCHEMA, False),
        ('{"days": true}', SCHEMA, False),
        ('{"days": 10, "kind": "odd"}', SCHEMA, False),
        ('{"kind": "paid"}', SCHEMA, False),
        ('{"days": 10, "more": 1}', SCHEMA, False),
        ('[{"days": 1}, {"days": 2}]', {"type": "array", "items": SCHEMA}, True),
        ('[{"days": 1}, {}]', {"type": "array", "items": SCHEMA}, False),
        ("3", {"anyOf": [{"type": "string"}, {"type": "number"}]}, True),
        ("null", {"anyOf": [{"type": "string"}, {"type": "number"}]}, False),
    ],
)
def test_json_has_to_fit_its_schema(text, schema, fits):
    assert check("json", text, schema=schema) == fits


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("Ten days carry over. [1] They end in March. [2]", True),
        ("Ten days carry over [1]. They end in March [2].", True),
        ("Ten days carry over. [1] They end in March.", False),
        ("", False),
    ],
)
def test_every_sentence_has_to_cite(text, cited):
    assert check("cites", text) == cited


def test_a_request_for_tools_is_an_answer():
    calls = Completion((ToolCall("1", "look", '{"a": 1}'),), "tool_calls")
    assert not failed(("nonempty", "complete", "json"), calls, lambda: ChatRequest(()))
    broken = Completion((ToolCall("1", "look", '{"a": '),), "tool_calls")
    assert failed(("json",), broken, lambda: ChatRequest(())) == "json"


def test_the_first_check_that_fails_is_named():
    assert failed(("complete", "nonempty"), Completion((), "stop"), lambda: ChatRequest(())) == "nonempty"
