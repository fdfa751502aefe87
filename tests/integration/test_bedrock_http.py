"""Bedrock's dialect and the fake server over real HTTP; AWS's own client speaks with that server, and its signatures are checked."""

import json

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EventStreamError

from aver.core.errors import ContextOverflow, ProviderDenied, ProviderExhausted, ProviderRefused, ProviderThrottled
from aver.gateway.types import ChatRequest, Message, OutputFormat, Reasoning, Text, Tool, ToolCall, ToolResult
from aver.gateway.wire.registry import chat_dialect, embed_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.integration.posting import post, streamed, whole
from tests.unit.gateway.wire.streams import heard

ACCESS, SECRET = "AKIDOFTHETESTS", "a-secret-of-the-tests"
KEY = f"{ACCESS}:{SECRET}"
SHOWN = {"Authorization": f"Bearer {KEY}"}
MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
HI = ChatRequest((Message("user", "How is Bern?"),), tools=(Tool("weather"),))
CALL = ToolCall("tooluse_1", "weather", '{"city":"Bern"}')
REPLY = Reply("Rain.", reasoning="Hm.", signature="c2ln", tools=(CALL,), tokens=Tokens(50, 9, cached=20, cache_write=5))


def at(server, model=MODEL):
    return Endpoint(server.root_url, model)


def client(server, secret=SECRET):
    once = Config(retries={"max_attempts": 1}, region_name="eu-west-1")
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": secret}
    return boto3.client("bedrock-runtime", endpoint_url=server.root_url, config=once, **keys)


async def test_a_call_and_its_result_go_there_and_back_with_the_thought():
    dialect = chat_dialect("bedrock")
    with FakeProvider([REPLY, Reply("Take a coat.")], key=KEY) as server:
        first = await whole(dialect, HI, at(server), **SHOWN)
        assert first.parts == (Reasoning("Hm.", "c2ln", family="bedrock"), Text("Rain."), CALL)
        assert (first.usage.input_tokens, first.usage.cached_tokens, first.usage.cache_write_tokens) == (50, 20, 5)
        given = Message("user", (ToolResult("tooluse_1", (Text("rain"),)),))
        chat = ChatRequest((*HI.messages, Message("assistant", first.parts), given), tools=HI.tools)
        deltas, done = await streamed(dialect, chat, at(server, ARN), **SHOWN)
    said = heard(deltas)
    assert (said.text, said.finish, done) == ("Take a coat.", "stop", True)


async def test_an_answer_of_a_schema_comes_as_json_whole_and_streamed():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    chat = ChatRequest(HI.messages, output=OutputFormat(schema))
    with FakeProvider([Reply('{"city":"Bern"}')], key=KEY) as server:
        completion = await whole(chat_dialect("bedrock"), chat, at(server), **SHOWN)
        deltas, _ = await streamed(chat_dialect("bedrock"), chat, at(server), **SHOWN)
        assert server.requests[0].body["toolConfig"]["toolChoice"] == {"tool": {"name": "structured_answer"}}
    assert (completion.text, completion.finish) == ('{"city":"Bern"}', "stop")
    assert (heard(deltas).text, heard(deltas).finish) == ('{"city":"Bern"}', "stop")


@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (Reply(error="auth"), ProviderDenied),
        (Reply(error="rate_limit", retry_after=7), ProviderThrottled),
        (Reply(error="quota"), ProviderExhausted),
        (Reply(error="context_overflow"), ContextOverflow),
        (Reply(error="overloaded"), ProviderRefused),
    ],
)
async def test_errors_are_known_whole_and_streamed(reply, raised):
    with FakeProvider([reply], key=KEY) as server:
        for ask in (whole, streamed):
            with pytest.raises(raised) as error:
                await ask(chat_dialect("bedrock"), HI, at(server), **SHOWN)
            assert type(error.value) is raised
            assert error.value.retry_after == reply.retry_after


@pytest.mark.parametrize(("kind", "raised"), [("rate_limit", ProviderThrottled), ("server", ProviderRefused)])
async def test_an_exception_within_a_stream_is_raised(kind, raised):
    reply = Reply("Rain in Bern.", fault="error-event", error=kind, after=6)
    with FakeProvider([reply], key=KEY) as server, pytest.raises(raised):
        await streamed(chat_dialect("bedrock"), HI, at(server), **SHOWN)


@pytest.mark.parametrize("model", [MODEL, ARN])
async def test_what_is_signed_as_aws_does_is_let_in_and_nothing_that_was_changed_since(model):
    dialect = chat_dialect("bedrock")
    with FakeProvider([Reply("Rain.")], key=KEY) as server:
        request = dialect.request(HI, at(server, model), stream=False)
        signed = AWSRequest("POST", request.url, data=request.body, headers=dict(request.headers))
        SigV4Auth(Credentials(ACCESS, SECRET), "bedrock", "eu-west-1").add_auth(signed)
        request.headers.update(signed.headers)
        assert dialect.completion(await post(dialect, request)).text == "Rain."
        request.body = request.body.replace(b"Bern", b"Rome")
        with pytest.raises(ProviderDenied):
            await post(dialect, request)


async def test_embeddings_of_titan_and_cohere():
    dialect = embed_dialect("bedrock")
    with FakeProvider([Reply()], key=KEY) as server:
        request = dialect.request(EmbeddingsRequest(("a b",), 4), at(server, "amazon.titan-embed-text-v2:0"))
        titan = dialect.embeddings(await post(dialect, request, **SHOWN))
        request = dialect.request(EmbeddingsRequest(("a b",)), at(server, "cohere.embed-multilingual-v3"))
        cohere = dialect.embeddings(await post(dialect, request, **SHOWN))
    assert (len(titan.vectors[0]), titan.usage.input_tokens) == (4, 2)
    assert len(cohere.vectors[0]) == 8


@pytest.mark.parametrize("model", [MODEL, ARN])
def test_awss_own_client_reads_the_fake_server(model):
    messages = [{"role": "user", "content": [{"text": "How is Bern?"}]}]
    with FakeProvider([REPLY], key=KEY) as server:
        whole_ = client(server).converse(modelId=model, messages=messages)
        events = list(client(server).converse_stream(modelId=model, messages=messages)["stream"])
        vector = client(server).invoke_model(
            modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "a b"})
        )
        assert len(json.loads(vector["body"].read())["embedding"]) == 8
    assert whole_["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"text": "Rain."},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Bern"}}},
    ]
    assert whole_["usage"]["inputTokens"] == 25
    assert [next(iter(event)) for event in events][:3] == ["messageStart", "contentBlockDelta", "contentBlockDelta"]
    written = "".join(event.get("contentBlockDelta", {}).get("delta", {}).get("text", "") for event in events)
    assert (written, events[-2]) == ("Rain.", {"messageStop": {"stopReason": "tool_use"}})
    assert events[-1]["metadata"]["usage"] == whole_["usage"]


def test_awss_own_client_knows_the_fake_servers_errors():
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    broken = Reply("Rain in Bern.", fault="error-event", error="rate_limit", after=6)
    with FakeProvider([Reply(error="context_overflow"), broken], key=KEY) as server:
        with pytest.raises(ClientError, match=r"ValidationException.*Input is too long"):
            client(server).converse(modelId=MODEL, messages=messages)
        stream = client(server).converse_stream(modelId=MODEL, messages=messages)["stream"]
        with pytest.raises(EventStreamError, match="throttlingException"):
            list(stream)
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            client(server, "another").converse(modelId=MODEL, messages=messages)
