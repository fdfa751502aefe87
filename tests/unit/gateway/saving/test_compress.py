"""What a shorter prompt keeps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.sentences import sentences
from aver.gateway.saving.compress import compress
from aver.gateway.types import ChatRequest, Message, Passage, Text
from aver.testing.embedder import HashEmbedder

WEATHER = "It often rains in spring. The wind comes from the west. Clouds gather over the hills at dusk. " * 6
ANSWER = "The library opens at nine on weekdays."
CONTEXT = f"{WEATHER}{ANSWER} {WEATHER}"
QUESTION = "When does the library open?"
EMBEDDER = HashEmbedder(256)


def asked(context, question=QUESTION, system="Answer from the context."):
    return ChatRequest((Message("system", system), Message("user", (Text(context), Text(question)))))


def words(text):
    return [text[start:end] for start, end in sentences(text)]


def is_subsequence(short, long):
    rest = iter(long)
    return all(each in rest for each in short)


def test_the_least_relevant_goes():
    chat, saved = compress(asked(CONTEXT), 0.5, EMBEDDER)
    shorter = chat.messages[1].parts[0].text
    assert ANSWER in shorter
    assert is_subsequence(words(shorter), words(CONTEXT))
    assert 0.4 < saved.share <= 0.52
    assert saved.kept == len(shorter)
    assert saved.of == len(CONTEXT)
    assert chat.messages[0] == Message("system", "Answer from the context.")
    assert chat.messages[1].parts[1] == Text(QUESTION)


@pytest.mark.parametrize(
    "protected",
    [
        'The sign says "closed for lunch and dinner".',
        "\n> The wind was kind to them that year.\n",
        "\n```\nlet wind = rain of spring\n```\n",
        "\n    total = rain + wind\n",
        "The library has 12 rooms of wind and rain.",
    ],
)
def test_some_sentences_always_stay(protected):
    context = f"{WEATHER}{protected} {WEATHER}"
    chat, saved = compress(asked(context), 0.9, EMBEDDER)
    assert saved.share > 0.5
    assert protected.strip() in chat.messages[1].parts[0].text


def test_a_text_with_its_question_keeps_its_first_and_its_last_paragraph():
    first, last = f"Read this. {WEATHER}", f"{WEATHER}{QUESTION}"
    chat, saved = compress(ChatRequest((Message("user", f"{first}\n\n{CONTEXT}\n\n{last}"),)), 0.5, EMBEDDER)
    text = chat.messages[0].text
    assert saved.sentences > 0
    assert text.startswith(first)
    assert text.endswith(last)


def test_passages_are_shortened_wherever_they_stand():
    message = f"Answer.\n\n[1] Hours\n{CONTEXT}\n\nQuestion: {QUESTION}"
    chat = ChatRequest((Message("user", message),), question=QUESTION, passages=(Passage(1, "Hours", CONTEXT),))
    shorter, saved = compress(chat, 0.4, EMBEDDER)
    assert saved.share > 0.3
    assert ANSWER in shorter.passages[0].text
    assert shorter.passages[0].text in shorter.messages[0].text
    assert len(shorter.messages[0].text) < len(message)


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize(
    "chat",
    [
        asked("Short."),
        ChatRequest((Message("system", CONTEXT), Message("user", QUESTION))),
        ChatRequest((Message("user", QUESTION), Message("assistant", CONTEXT))),
        ChatRequest(()),
    ],
)
def test_what_is_no_long_context_stays_whole(chat, share):
    assert compress(chat, share, EMBEDDER)[0] == chat


@settings(max_examples=60)
@given(
    picked=st.lists(st.sampled_from(words(CONTEXT)), min_size=10, max_size=40),
    share=st.floats(0, 1),
)
def test_what_is_left_is_in_order_and_within_the_share(picked, share):
    context = " ".join(picked)
    chat, saved = compress(asked(context), share, EMBEDDER)
    assert is_subsequence(words(chat.messages[1].parts[0].text), words(context))
    assert saved.sentences <= len(picked)
    dropped = sum(map(len, picked)) - sum(map(len, words(chat.messages[1].parts[0].text)))
    assert dropped <= share * len(context) + 1
