"""Cohere's dialects and the fake server over real HTTP, and LiteLLM's own reading of that server."""

import pytest

from aver.core.errors import ContextOverflow, ProviderDenied, ProviderExhausted, ProviderRefused, ProviderThrottled
from aver.core.settings import ModelTimeouts
from aver.gateway.adapters.litellm import LiteLLM
from aver.gateway.types import ChatRequest, Message, Text, Tool, ToolCall, ToolResult
from aver.gateway.wire.openai import OpenAIChat
from aver.gateway.wire.registry import chat_dialect, embed_dialect, rerank_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint, RerankRequest
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.integration.posting import post, streamed, whole
from tests.unit.gateway.wire.streams import heard

KEY = "a-key-of-the-provider"
SHOWN = {"Authorization": f"Bearer {KEY}"}
HI = ChatRequest((Message("user", "How is Bern?"),), tools=(Tool("weather"),))
CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')


def at(server, model="command-a-03-2025"):
    return Endpoint(server.root_url, model)


async def test_a_call_and_its_result_go_there_and_back():
    dialect = chat_dialect("cohere")
    replies = [Reply("I look it up.", tools=(CALL,)), Reply("Rain.", tokens=Tokens(30, 9, cached=8))]
    with FakeProvider(replies, key=KEY) as server:
        first = await whole(dialect, HI, at(server), **SHOWN)
        assert first.parts == (Text("I look it up."), CALL)
        given = Message("user", (ToolResult("call_1", (Text("rain"),)),))
        chat = ChatRequest((*HI.messages, Message("assistant", first.parts), given), tools=HI.tools)
        deltas, done = await streamed(dialect, chat, at(server), **SHOWN)
    said = heard(deltas)
    assert (said.text, said.finish, done) == ("Rain.", "stop", True)
    assert (said.usage.input_tokens, said.usage.output_tokens, said.usage.cached_tokens) == (30, 9, 8)


@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (Reply(error="auth"), ProviderDenied),
        (Reply(error="rate_limit", retry_after=7), ProviderThrottled),
        (Reply(error="quota"), ProviderExhausted),
        (Reply(error="context_overflow"), ContextOverflow),
        (Reply(error="server"), ProviderRefused),
    ],
)
async def test_errors_are_known_whole_and_streamed(reply, raised):
    with FakeProvider([reply], key=KEY) as server:
        for ask in (whole, streamed):
            with pytest.raises(raised) as error:
                await ask(chat_dialect("cohere"), HI, at(server), **SHOWN)
            assert type(error.value) is raised
            assert error.value.retry_after == reply.retry_after


async def test_an_error_within_a_stream_is_raised():
    reply = Reply("Rain in Bern.", fault="error-event", after=6)
    with FakeProvider([reply], key=KEY) as server, pytest.raises(ProviderRefused, match="ERROR"):
        await streamed(chat_dialect("cohere"), HI, at(server), **SHOWN)


async def test_texts_are_embedded_and_ranked():
    embed, rerank = embed_dialect("cohere"), rerank_dialect("cohere")
    with FakeProvider([Reply()], key=KEY) as server:
        request = embed.request(EmbeddingsRequest(("a b", "b"), 4, "query"), at(server, "embed-v4.0"))
        embeddings = embed.embeddings(await post(embed, request, **SHOWN))
        documents = ("sick days", "annual leave days", "parking")
        asked = rerank.request(RerankRequest("annual leave", documents, 2), at(server, "rerank-v3.5"))
        ranked = rerank.reranked(await post(rerank, asked, **SHOWN))
    assert [len(row) for row in embeddings.vectors] == [4, 4]
    assert embeddings.usage.input_tokens == 3
    assert ranked.results == ((1, 1.0), (0, 0.0))


@pytest.mark.filterwarnings("ignore")  # LiteLLM's own
async def test_another_client_reads_the_fake_server_alike():
    body = {"model": "cohere_chat/command-a-03-2025", "messages": [{"role": "user", "content": "How is Bern?"}]}
    with FakeProvider([Reply("Rain in Bern.", tokens=Tokens(30, 9))], key=KEY) as server:
        client = LiteLLM(f"{server.root_url}/v2/chat")
        theirs = OpenAIChat().completion(await client.whole(body, KEY, ModelTimeouts()))
        ours = await whole(chat_dialect("cohere"), HI, at(server), **SHOWN)
    assert theirs.text == ours.text == "Rain in Bern."
    assert theirs.finish == ours.finish == "stop"
