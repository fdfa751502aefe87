"""What holds of Gemini, Bedrock and Cohere alike: the fake servers take what is asked, a stream says what the whole reply says however
it is cut, and what a model said goes back to it unchanged."""

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import ProviderError
from aver.gateway.types import ChatRequest, Image, Message, OutputFormat, Reasoning, Text, Tool, ToolCall, ToolResult
from aver.gateway.wire.registry import chat_dialect
from aver.gateway.wire.types import Endpoint
from aver.testing.fakes import bedrock, cohere, gemini
from aver.testing.replies import Received, Reply, Tokens
from tests.unit.gateway.wire.streams import heard, pieces, read

UNHURRIED = settings(max_examples=50, deadline=None)  # the first call reads botocore's model of the API
FAMILIES = [("gemini", gemini.VOICE), ("vertex", gemini.VOICE), ("bedrock", bedrock.VOICE), ("cohere", cohere.VOICE)]
MODELS = {
    "gemini": "gemini-3-pro-preview",
    "vertex": "gemini-2.5-pro",
    "bedrock": "anthropic.claude-sonnet-4-20250514-v1:0",
    "cohere": "command-a-reasoning-08-2025",
}
TEXT = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1, max_size=20)
IDS = st.from_regex(r"\A[a-z0-9_]{1,20}\Z")
ARGUMENTS = st.dictionaries(IDS, TEXT | st.integers(-9, 9), max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
)
CALLS = st.builds(ToolCall, IDS, IDS, ARGUMENTS)
TOOLS = st.builds(Tool, IDS, TEXT)
PARTS = TEXT.map(Text) | st.just(Image("image/png", "aWNvbg=="))


def received(kind, voice, chat, stream):
    """The dialect's request as the fake server gets it; raises ``ValueError`` where the family's rules are broken."""
    endpoint = Endpoint("http://host", MODELS[kind], {"project": "acme", "location": "eu"})
    request = chat_dialect(kind).request(chat, endpoint, stream=stream)
    split = urlsplit(request.url)
    got = Received(unquote(split.path), request.headers, json.loads(request.body), family=voice.family)
    got.captured = {"model": MODELS[kind]}
    got.query = dict(each.split("=") for each in split.query.split("&") if each)
    got.asked = voice.asked(got)
    return got


@st.composite
def replies(draw):
    reasoning = draw(TEXT | st.just(""))
    return Reply(
        draw(TEXT | st.just("")) or ("" if reasoning else "Hi."),
        draw(st.sampled_from(["stop", "length", "content_filter"])),
        reasoning=reasoning,
        signature=draw(st.sampled_from(["", "c2ln"])) if reasoning else "",
        tools=tuple(draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))),
        tokens=Tokens(draw(st.integers(50, 99)), draw(st.integers(20, 99)), draw(st.integers(0, 20))),
        piece=draw(st.integers(1, 9)),
    )


@st.composite
def chats(draw):
    messages = [Message("system", draw(TEXT))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        messages.append(Message("user", tuple(draw(st.lists(PARTS, min_size=1, max_size=2)))))
        calls = draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))
        messages.append(Message("assistant", (Text(draw(TEXT)), *calls)))
        if calls:
            results = tuple(ToolResult(call.id, (Text(draw(TEXT)),), draw(st.booleans())) for call in calls)
            messages += [Message("user", (result,)) for result in results]
            messages.append(Message("assistant", draw(TEXT)))
    tools = draw(st.lists(TOOLS, min_size=1, max_size=2, unique_by=lambda tool: tool.name))
    return ChatRequest(
        (*messages, Message("user", draw(TEXT))),
        max_tokens=draw(st.none() | st.integers(2000, 90000)),
        temperature=draw(st.none() | st.floats(0, 1)),
        stop=tuple(draw(st.lists(TEXT, max_size=2))),
        tools=tuple(tools),
        tool_choice=draw(st.sampled_from([None, "auto", "none", "required", f"tool:{tools[0].name}"])),
        output=draw(st.none() | st.builds(OutputFormat, st.none() | st.just({"type": "object", "properties": {}}))),
        effort=draw(st.sampled_from([None, "none", "low", "high"])),
    )


@pytest.mark.parametrize(("kind", "voice"), FAMILIES)
@UNHURRIED
@given(chat=chats(), stream=st.booleans())
def test_every_request_follows_its_familys_rules_and_holds_every_text(kind, voice, chat, stream):
    got = received(kind, voice, chat, stream)
    assert got.stream == stream
    sent = json.dumps(got.body, ensure_ascii=False)
    for message in chat.messages:
        for part in message.parts:
            if isinstance(part, Text):
                assert json.dumps(part.text, ensure_ascii=False)[1:-1] in sent


@pytest.mark.parametrize(("kind", "voice"), FAMILIES)
@UNHURRIED
@given(reply=replies(), data=st.data())
def test_a_stream_says_what_the_whole_reply_says_however_it_is_cut(kind, voice, reply, data):
    dialect = chat_dialect(kind)
    got = received(kind, voice, ChatRequest((Message("user", "hi"),)), True)
    streamed = voice.stream(got, reply)
    reader = dialect.reader(asked_usage=True)
    deltas = read(reader, pieces(data, b"".join((*streamed.pieces, *streamed.ending))))
    whole = dialect.completion(voice.whole(got, reply).body)
    assert reader.done
    said = heard(deltas)
    assert said.text == whole.text
    assert said.thought == "".join(part.text for part in whole.parts if isinstance(part, Reasoning))
    calls = [part for part in whole.parts if isinstance(part, ToolCall)]
    assert list(said.tools.values()) == [[call.id, call.name, call.arguments] for call in calls]
    assert [call.arguments for call in calls] == [tool.arguments for tool in reply.tools]
    assert said.finish == whole.finish == reply.ended
    assert said.usage == whole.usage
    assert whole.usage.input_tokens == reply.tokens.input
    assert whole.usage.cached_tokens == reply.tokens.cached


@pytest.mark.parametrize(("kind", "voice"), FAMILIES)
@UNHURRIED
@given(reply=replies(), data=st.data())
def test_a_stream_that_breaks_off_has_no_finish(kind, voice, reply, data):
    got = received(kind, voice, ChatRequest((Message("user", "hi"),)), True)
    streamed = voice.stream(got, reply)
    everything = b"".join((*streamed.pieces, streamed.ending[0]))
    cut = data.draw(st.integers(0, len(everything) - len(streamed.ending[0]) // 2 - 1))
    reader = chat_dialect(kind).reader(asked_usage=True)
    assert heard(reader.feed(everything[:cut])).finish is None
    assert not reader.done


@pytest.mark.parametrize(("kind", "voice"), FAMILIES)
@UNHURRIED
@given(before=replies())
def test_what_breaks_within_a_stream_is_an_error_after_what_was_read(kind, voice, before):
    got = received(kind, voice, ChatRequest((Message("user", "hi"),)), True)
    for broken in (voice.malformed(), voice.stream_error(got, "overloaded", "It broke.")):
        reader = chat_dialect(kind).reader(asked_usage=True)
        reader.feed(b"".join(voice.stream(got, before).pieces))
        with pytest.raises(ProviderError):
            reader.feed(broken)


@pytest.mark.parametrize(("kind", "voice"), FAMILIES)
@UNHURRIED
@given(reply=replies())
def test_what_a_model_said_goes_back_to_it_unchanged(kind, voice, reply):
    got = received(kind, voice, ChatRequest((Message("user", "hi"),)), False)
    body = voice.whole(got, reply).body
    completion = chat_dialect(kind).completion(body)
    results = tuple(
        ToolResult(part.id, (Text("done"),)) for part in completion.parts if isinstance(part, ToolCall)
    ) or (Text("Go on."),)
    chat = ChatRequest(
        (Message("user", "hi"), Message("assistant", completion.parts), Message("user", results)), tools=(Tool("look"),)
    )
    sent = received(kind, voice, chat, False).body
    said = json.loads(body)
    if kind == "bedrock":  # a thought that cannot be checked stays here
        content = said["output"]["message"]["content"]
        kept = [
            each
            for each in content
            if "signature" in each.get("reasoningContent", {}).get("reasoningText", "signature")
        ]
        assert [each for message in sent["messages"][1:2] if kept for each in message["content"]] == kept
    elif kind == "cohere":
        assert said["message"].get("tool_calls") == sent["messages"][1].get("tool_calls")
        if not reply.tools:
            kept = [part for part in said["message"]["content"] if part.get("text") != ""]
            assert sent["messages"][1]["content"] == kept
    elif kind == "vertex" or not reply.tools or reply.tools[0].signature or reply.signature:
        # Gemini 3 refuses calls without signature: they are marked as another model's.
        assert sent["contents"][1]["parts"] == said["candidates"][0]["content"]["parts"]
