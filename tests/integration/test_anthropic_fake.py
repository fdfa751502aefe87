"""The official client talks to the fake Anthropic as it would to Anthropic, and the dialect does too."""

import json

import aiohttp
import anthropic
import pytest
from pydantic import BaseModel

from aver.core.errors import ProviderDenied, ProviderRefused, ProviderThrottled, RequestRejected
from aver.gateway.types import ChatRequest, Message, Reasoning, Text, Tool, ToolCall, ToolResult
from aver.gateway.wire.anthropic import AnthropicChat
from aver.gateway.wire.types import Endpoint
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens

KEY = "sk-ant-of-the-test"
ASK = {"model": "claude-fake", "max_tokens": 2000, "messages": [{"role": "user", "content": "How many days?"}]}
WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
CALL = ToolCall("toolu_1", "weather", '{"at": "Köln"}')


@pytest.fixture
def ask():
    """A function that serves replies and gives a client for them, and the server."""
    opened = []

    def serve(*replies, prefix="", **options):
        server = FakeProvider(list(replies), key=KEY)
        opened.append(server.__enter__())
        given = {"api_key": KEY, "base_url": server.root_url + prefix, "max_retries": 0} | options
        client = anthropic.Anthropic(**given)
        opened.append(client)
        return client, server

    yield serve
    for each in reversed(opened):
        each.__exit__(None, None, None)


def test_a_whole_message(ask):
    client, server = ask(Reply("Twenty days.", tokens=Tokens(input=50, output=9, cached=30, cache_write=10)))
    message = client.messages.create(**ASK, system="Be brief", stop_sequences=["END"], metadata={"user_id": "u"})
    assert (message.content[0].text, message.stop_reason, message.model) == ("Twenty days.", "end_turn", "claude-fake")
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (10, 30, 10)
    assert usage.cache_creation.ephemeral_5m_input_tokens == 10
    assert server.requests[0].prompt == "Be brief\n\nHow many days?"


def test_a_stream_and_its_final_message(ask):
    client, _ = ask(Reply("Twenty days a year.", reasoning="Let me see.", signature="sig0", tools=(CALL,), piece=3))
    with client.messages.stream(**ASK, tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == "Twenty days a year."
    thinking, said, used = final.content
    assert (thinking.thinking, thinking.signature) == ("Let me see.", "sig0")
    assert said.text == text
    assert (used.id, used.name, used.input) == ("toolu_1", "weather", {"at": "Köln"})
    assert final.stop_reason == "tool_use"
    assert final.usage.output_tokens == 9


def test_tools_are_answered(ask):
    client, server = ask(Reply(tools=(CALL,)), Reply("Rain."))
    first = client.messages.create(**ASK, tools=[WEATHER], tool_choice={"type": "any"})
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": [{"type": "text", "text": "wet"}]}
    messages = [
        *ASK["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = client.messages.create(**ASK | {"messages": messages}, tools=[WEATHER])
    assert second.content[0].text == "Rain."
    assert "wet" in server.requests[1].prompt


def test_images_and_documents_are_taken(ask):
    client, server = ask(Reply("A cat."))
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
        {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    client.messages.create(**ASK | {"messages": [{"role": "user", "content": content}]})
    assert server.requests[0].prompt == "What is this?"


def test_structured_output_is_parsed(ask):
    class Days(BaseModel):
        number: int

    client, server = ask(Reply('{"number": 20}'))
    message = client.messages.parse(**ASK, output_format=Days)
    assert message.parsed_output == Days(number=20)
    assert server.requests[0].body["output_config"]["format"]["schema"]["required"] == ["number"]


def test_tokens_are_counted(ask):
    client, _ = ask(Reply())
    counted = client.messages.count_tokens(model="claude-fake", messages=ASK["messages"], system="Be brief")
    assert counted.input_tokens == 5
    with pytest.raises(anthropic.BadRequestError, match="Extra inputs"):
        client.messages.count_tokens(model="claude-fake", messages=ASK["messages"], extra_body={"max_tokens": 1})


def test_models_are_listed_where_others_host_the_protocol(ask):
    client, _ = ask(Reply("Yes."), prefix="/anthropic")
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.messages.create(**ASK).content[0].text == "Yes."


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_request", anthropic.BadRequestError),
        ("forbidden", anthropic.PermissionDeniedError),
        ("not_found", anthropic.NotFoundError),
        ("too_large", anthropic.APIStatusError),
        ("rate_limit", anthropic.RateLimitError),
        ("server", anthropic.InternalServerError),
        ("overloaded", anthropic.APIStatusError),
    ],
)
def test_errors_are_the_clients_own(ask, error, kind):
    client, _ = ask(Reply(error=error, retry_after=3))
    with pytest.raises(kind) as caught:
        client.messages.create(**ASK)
    assert caught.value.body["type"] == "error"
    assert caught.value.request_id.startswith("req_")
    assert caught.value.response.headers["retry-after"] == "3"


def test_an_error_within_a_stream_reaches_the_client(ask):
    client, _ = ask(Reply("Twenty days", fault="error-event", after=6))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"), client.messages.stream(**ASK) as stream:
        stream.until_done()


def test_another_key_is_refused(ask):
    client, _ = ask(Reply("Yes."), api_key="sk-ant-another")
    with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
        client.messages.create(**ASK)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": []}, "at least one message"),
        ({"future": 1}, "Extra inputs are not permitted"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "must be greater than"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "greater than or equal to 1024"),
        ({"messages": [*ASK["messages"], {"role": "assistant", "content": "So "}]}, "trailing whitespace"),
    ],
)
async def test_what_anthropic_refuses_is_refused(body, words):
    with FakeProvider([Reply("Yes.")]) as server:
        status, said = await post(server, ASK | body)
    assert status == 400
    assert words in said["error"]["message"]


async def test_a_request_without_a_version_is_refused():
    with FakeProvider([Reply("Yes.")]) as server:
        status, said = await post(server, ASK, version=None)
    assert (status, said["error"]["type"]) == (400, "invalid_request_error")
    assert "anthropic-version: header is required" in said["error"]["message"]


async def post(server, body, version="2023-06-01"):
    headers = {"anthropic-version": version} if version else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.root_url}/v1/messages", json=body, headers=headers) as response,
    ):
        return response.status, await response.json()


async def exchanged(server, request, *, stream=False):
    """What the dialect makes of the server's answer to its own request."""
    dialect = AnthropicChat()
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            request.url, data=request.body, headers=request.headers | {"anthropic-version": "2023-06-01"}
        ) as response,
    ):
        if response.status != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise dialect.error(response.status, headers, await response.read())
        if not stream:
            return dialect.completion(await response.read())
        reader = dialect.reader(asked_usage=True)
        deltas = [delta async for chunk in response.content.iter_any() for delta in reader.feed(chunk)]
        assert reader.done
        return deltas


async def test_the_dialects_own_conversation_is_accepted():
    reply = Reply("Rain.", reasoning="Hm", signature="sig0", tools=(CALL,))
    chat = ChatRequest(
        (
            Message("system", "Be brief"),
            Message("user", "Weather?"),
            Message("assistant", (Reasoning("Hm", "sig0", family="anthropic"), Text(""), CALL)),
            Message("user", (Text("Here."), ToolResult("toolu_1", (Text("wet"),)))),
        ),
        effort="low",
        tools=(Tool("weather"),),
        stop=("END",),
    )
    with FakeProvider([reply]) as server:
        endpoint = Endpoint(server.root_url, "claude-sonnet-4-5")
        whole = await exchanged(server, AnthropicChat().request(chat, endpoint, stream=False))
        deltas = await exchanged(server, AnthropicChat().request(chat, endpoint, stream=True), stream=True)
    called = ToolCall(CALL.id, CALL.name, json.dumps({"at": "Köln"}, ensure_ascii=False, separators=(",", ":")))
    assert whole.parts == (Reasoning("Hm", "sig0", family="anthropic"), Text("Rain."), called)
    assert "".join(delta.text for delta in deltas) == "Rain."
    assert server.requests[0].body["thinking"] == {"type": "enabled", "budget_tokens": 2048}


async def test_counting_asks_the_server():
    with FakeProvider([Reply()]) as server:
        request = AnthropicChat().count_request(ASK | {"stream": True}, Endpoint(server.root_url, "m"))
        async with (
            aiohttp.ClientSession() as session,
            session.post(request.url, data=request.body, headers={"anthropic-version": "2023-06-01"}) as response,
        ):
            assert AnthropicChat().counted(await response.read()) == 3


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(error="auth"), ProviderDenied),
        (Reply(error="rate_limit", retry_after=2), ProviderThrottled),
        (Reply(error="overloaded"), ProviderRefused),
        (Reply("x", prefill="reject"), RequestRejected),
        (Reply("x", fault="error-event"), ProviderRefused),
    ],
)
async def test_errors_of_the_server_have_their_class(reply, kind):
    chat = ChatRequest((Message("user", "Hi"), Message("assistant", "So")))
    with FakeProvider([reply]) as server:
        request = AnthropicChat().request(chat, Endpoint(server.root_url, "m"), stream=False)
        with pytest.raises(kind) as caught:
            await exchanged(server, request)
    assert type(caught.value) is kind
    assert caught.value.retry_after == reply.retry_after
