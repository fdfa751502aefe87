"""Where a prompt's stable beginning is marked."""

from dataclasses import replace

import pytest

from aver.gateway.saving.prefix import hint
from aver.gateway.types import ChatRequest, Message, Text, Tool

LONG = "word " * 2_000


def marks(chat):
    return [
        (m, p)
        for m, message in enumerate(chat.messages)
        for p, part in enumerate(message.parts)
        if getattr(part, "cache", False)
    ]


@pytest.mark.parametrize("family", ["anthropic", "bedrock"])
def test_the_system_prompt_before_a_question(family):
    chat = ChatRequest((Message("system", LONG), Message("user", "Why?")))
    hinted = hint(chat, family)
    assert marks(hinted) == [(0, 0)]
    assert [message.text for message in hinted.messages] == [message.text for message in chat.messages]


def test_passages_before_the_question_of_the_same_message():
    parts = (Text(LONG), Text(LONG), Text("Why?"))
    assert marks(hint(ChatRequest((Message("system", "s"), Message("user", parts))), "anthropic")) == [(1, 1)]


def test_the_conversation_before_the_last_message():
    chat = ChatRequest((Message("system", LONG), Message("user", "a"), Message("assistant", "b"), Message("user", "c")))
    assert marks(hint(chat, "anthropic")) == [(2, 0)]


def test_tools_count_with_what_follows_them():
    tools = tuple(Tool(f"tool_{number}", "word " * 100) for number in range(20))
    assert marks(hint(ChatRequest((Message("system", "s"), Message("user", "q")), tools=tools), "anthropic")) == [
        (0, 0)
    ]


@pytest.mark.parametrize(
    "chat",
    [
        ChatRequest((Message("system", "short"), Message("user", "q"))),
        ChatRequest((Message("user", LONG),)),
        ChatRequest((Message("system", (Text(LONG), Text("x", cache=True))), Message("user", "q"))),
        ChatRequest(()),
    ],
)
def test_nothing_is_marked_without_need(chat):
    assert hint(chat, "anthropic") is chat


def test_other_families_need_no_hint():
    chat = ChatRequest((Message("system", LONG), Message("user", "Why?")))
    assert hint(chat, "openai") is chat
    assert hint(replace(chat, temperature=0.0), "gemini").messages is chat.messages
