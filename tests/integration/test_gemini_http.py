"""Gemini's dialect and the fake server over real HTTP, and LiteLLM's own reading of that server."""

import pytest

from aver.core.errors import ContentFiltered, ContextOverflow, ProviderDenied, ProviderExhausted, ProviderThrottled
from aver.core.settings import ModelTimeouts
from aver.gateway.adapters.litellm import LiteLLM
from aver.gateway.types import ChatRequest, Message, Reasoning, Text, Tool, ToolCall, ToolResult
from aver.gateway.wire.openai import OpenAIChat
from aver.gateway.wire.registry import chat_dialect, embed_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.integration.posting import post, streamed, whole
from tests.unit.gateway.wire.streams import heard

KEY = "a-key-of-the-provider"
HI = ChatRequest((Message("user", "How is Bern?"),), tools=(Tool("weather"),))
CALL = ToolCall("", "weather", '{"city":"Bern"}', "c2ln")
KINDS = {"gemini": {"x_goog_api_key": KEY}, "vertex": {"Authorization": f"Bearer {KEY}"}}


def at(server, model="gemini-3-pro-preview"):
    return Endpoint(server.root_url, model, {"project": "acme", "location": "eu"})


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_and_its_result_go_there_and_back_with_the_signature(kind):
    dialect = chat_dialect(kind)
    replies = [Reply("", reasoning="Hm.", tools=(CALL,)), Reply("Rain.", tokens=Tokens(30, 9, reasoning=4))]
    with FakeProvider(replies, key=KEY) as server:
        first = await whole(dialect, HI, at(server), **KINDS[kind])
        [thought, call] = first.parts
        assert thought == Reasoning("Hm.", family="gemini")
        assert (call.name, call.arguments, call.signature) == ("weather", '{"city":"Bern"}', "c2ln")
        given = Message("user", (ToolResult(call.id, (Text("rain"),)),))
        chat = ChatRequest((*HI.messages, Message("assistant", first.parts), given), tools=HI.tools)
        deltas, done = await streamed(dialect, chat, at(server), **KINDS[kind])
        [_, second] = server.requests
    said = heard(deltas)
    assert (said.text, said.finish, done) == ("Rain.", "stop", True)
    assert (said.usage.input_tokens, said.usage.output_tokens, said.usage.reasoning_tokens) == (30, 9, 4)
    assert second.body["contents"][1]["parts"][1]["thoughtSignature"] == "c2ln"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (Reply(error="auth"), ProviderDenied),
        (Reply(error="rate_limit"), ProviderThrottled),
        (Reply(error="quota"), ProviderExhausted),
        (Reply(error="context_overflow"), ContextOverflow),
        (Reply(error="content_filter"), ContentFiltered),
    ],
)
async def test_errors_are_known_whole_and_streamed(kind, reply, raised):
    with FakeProvider([reply], key=KEY) as server:
        for ask in (whole, streamed):
            with pytest.raises(raised) as error:
                await ask(chat_dialect(kind), HI, at(server), **KINDS[kind])
            assert type(error.value) is raised
            assert error.value.retry_after == (7 if raised in (ProviderThrottled, ProviderExhausted) else None)


@pytest.mark.parametrize("kind", KINDS)
async def test_another_key_is_refused(kind):
    with FakeProvider([Reply("Hi")], key="another") as server, pytest.raises(ProviderDenied):
        await whole(chat_dialect(kind), HI, at(server), **KINDS[kind])


async def test_embeddings_come_in_order():
    with FakeProvider([Reply()], key=KEY) as server:
        gemini, vertex = embed_dialect("gemini"), embed_dialect("vertex")
        request = gemini.request(EmbeddingsRequest(("a b", "b", "a b"), 4, "query"), at(server, "gemini-embedding-001"))
        one, two, three = gemini.embeddings(await post(gemini, request, **KINDS["gemini"])).vectors
        request = vertex.request(EmbeddingsRequest(("a b",), 4), at(server, "text-embedding-005"))
        same = vertex.embeddings(await post(vertex, request, **KINDS["vertex"]))
    assert one == three == same.vectors[0] != two
    assert len(one) == 4
    assert same.usage.input_tokens == 2


@pytest.mark.filterwarnings("ignore")  # LiteLLM's own
async def test_another_client_reads_the_fake_server_alike():
    reply = Reply("Rain in Bern.", reasoning="Hm.", tools=(CALL,), tokens=Tokens(30, 9, cached=8, reasoning=4))
    body = {"model": "gemini/gemini-2.5-flash", "messages": [{"role": "user", "content": "How is Bern?"}]}
    with FakeProvider([reply], key=KEY) as server:
        client = LiteLLM(f"{server.root_url}/v1beta")
        theirs = OpenAIChat().completion(await client.whole(body, KEY, ModelTimeouts()))
        ours = await whole(chat_dialect("gemini"), HI, at(server), **KINDS["gemini"])
    assert theirs.text == ours.text == "Rain in Bern."
    assert theirs.finish == ours.finish == "tool_calls"
    for told in (theirs.usage, ours.usage):
        assert (told.input_tokens, told.output_tokens) == (30, 9)
        assert (told.cached_tokens, told.reasoning_tokens) == (8, 4)
