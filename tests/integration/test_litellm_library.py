"""LiteLLM's library between Aver and a model server, over real HTTP."""

import gc
import logging
import sys

import orjson
import pytest

from aver.core.errors import (
    ContextOverflow,
    MissingExtra,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderThrottled,
    ProviderTimeout,
    RequestRejected,
    StreamTruncated,
)
from aver.core.settings import ModelTimeouts
from aver.gateway.adapters.litellm import LiteLLM
from aver.gateway.types import ToolCall
from aver.gateway.wire.openai import OpenAIChat
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.integration.callers import until
from tests.unit.gateway.wire.streams import heard

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own
KEY = "a-key-of-the-provider"
TIMEOUTS = ModelTimeouts()
BODY = {"model": "openai/fake", "messages": [{"role": "user", "content": "How many days?"}]}
STREAM = BODY | {"stream": True, "stream_options": {"include_usage": True}}


# The library leaves sessions and coroutines of its own bookkeeping to the collector: they are collected here, and not within another test.
@pytest.fixture(autouse=True)
def collected():
    yield
    gc.collect()


async def whole(server, body=BODY, key=KEY, timeouts=TIMEOUTS):
    return OpenAIChat().completion(await LiteLLM(server.base_url).whole(body, key, timeouts))


async def streamed(server, body=STREAM, timeouts=TIMEOUTS):
    reader = OpenAIChat().reader(asked_usage=True)
    deltas = []
    async for chunk in LiteLLM(server.base_url).chunks(body, KEY, timeouts):
        deltas += reader.feed(chunk)
    return reader, heard(deltas)


async def test_a_whole_reply_comes_as_openais():
    call = ToolCall("call_1", "weather", '{"city": "Bern"}')
    with FakeProvider([Reply("Twenty.", tools=(call,), tokens=Tokens(30, 9, cached=8))], key=KEY) as server:
        completion = await whole(server)
    assert (completion.text, completion.finish) == ("Twenty.", "tool_calls")
    assert completion.parts[-1] == call
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (30, 9)
    assert completion.usage.cached_tokens == 8


async def test_a_stream_comes_as_openais_events():
    reply = Reply("Twenty days.", tools=(ToolCall("call_1", "weather", '{"city": "Bern"}'),), tokens=Tokens(30, 9))
    with FakeProvider([reply], key=KEY) as server:
        reader, said = await streamed(server)
    assert (reader.done, said.text, said.finish) == (True, "Twenty days.", "tool_calls")
    assert said.tools == {0: ["call_1", "weather", '{"city": "Bern"}']}
    assert (said.usage.input_tokens, said.usage.output_tokens) == (30, 9)


async def test_a_caller_cannot_have_the_credential_sent_elsewhere():
    body = BODY | {
        "api_base": "http://127.0.0.1:9/elsewhere",
        "mock_response": "Hi",
        "fallbacks": ["x"],
        "api_key": "y",
    }
    with FakeProvider([Reply("Twenty.")], key=KEY) as server:
        assert (await whole(server, body)).text == "Twenty."
        [received] = server.requests
    assert set(received.body) == {"model", "messages"}


@pytest.mark.parametrize("fault", ["unfinished", "cut"])
async def test_a_stream_without_its_finish_is_not_given_one(fault):
    seen: list[bytes] = []

    async def read(server):
        async for chunk in LiteLLM(server.base_url).chunks(STREAM, KEY, TIMEOUTS):
            seen.append(chunk)  # noqa: PERF401 - what came before the error counts

    reply = Reply("Twenty days a year.", fault=fault, after=11)
    with FakeProvider([reply], key=KEY) as server, pytest.raises(ProviderError) as raised:
        await read(server)
    assert "finish_reason" not in b"".join(seen).decode()
    assert b"[DONE]" not in b"".join(seen)
    if fault == "unfinished":
        assert type(raised.value) is StreamTruncated


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(error="auth"), ProviderDenied),
        (Reply(error="rate_limit", retry_after=7), ProviderThrottled),
        (Reply(error="context_overflow"), ContextOverflow),
        (Reply(error="invalid_request"), RequestRejected),
        (Reply(error="not_found"), ProviderDenied),
        (Reply(error="server"), ProviderRefused),
        (Reply(error="overloaded"), ProviderRefused),
    ],
)
async def test_errors_are_known_by_what_happened_and_asked_for_once(reply, kind):
    with FakeProvider([reply], key=KEY) as server:
        with pytest.raises(ProviderError) as raised:
            await whole(server)
        with pytest.raises(ProviderError) as within:
            await streamed(server)
        assert len(server.requests) == 2
    for error in (raised.value, within.value):
        assert type(error) is kind
        assert KEY not in str(error)
        assert "litellm." not in error.cause
        assert error.next_step.endswith(".")
    assert raised.value.retry_after == (7 if reply.retry_after else None)


async def test_a_server_that_is_gone_cannot_be_reached():
    with FakeProvider([Reply()]) as server:
        pass
    with pytest.raises(ProviderError, match="cannot be reached"):
        await whole(server)


async def test_timeouts_hold_for_the_first_token_the_next_and_the_whole():
    with FakeProvider([Reply("Twenty days.", fault="silence")], key=KEY) as server:
        with pytest.raises(ProviderTimeout):
            await whole(server, timeouts=ModelTimeouts(total=0.3))
        with pytest.raises(ProviderTimeout):
            await streamed(server, timeouts=ModelTimeouts(first_token=0.3))
    reply = Reply("Twenty days.", fault="stall", after=7)
    with FakeProvider([reply], key=KEY) as server, pytest.raises(ProviderTimeout):
        await streamed(server, timeouts=ModelTimeouts(stall=0.3))


async def test_a_stream_that_is_left_is_closed():
    with FakeProvider([Reply("word " * 400, pause=0.01)], key=KEY) as server:
        stream = LiteLLM(server.base_url).chunks(STREAM, KEY, TIMEOUTS)
        await anext(stream)
        await stream.aclose()
        await until(lambda: server.requests[0].abandoned)


async def test_the_library_is_silent_and_keeps_to_itself(capfd):
    with FakeProvider([Reply(error="server")], key=KEY) as server, pytest.raises(ProviderRefused):
        await whole(server)
    import litellm

    assert capfd.readouterr() == ("", "")
    assert litellm.telemetry is False
    assert logging.getLogger("LiteLLM").disabled


async def test_without_the_library_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    monkeypatch.setattr("aver.gateway.adapters.litellm.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"aver\[litellm\]"):
        LiteLLM()


async def test_events_are_json_of_one_line():
    with FakeProvider([Reply("Zwölf\nTage.")], key=KEY) as server:
        events = [chunk async for chunk in LiteLLM(server.base_url).chunks(STREAM, KEY, TIMEOUTS)]
    assert events[-1] == b"data: [DONE]\n\n"
    for event in events[:-1]:
        assert orjson.loads(event.removeprefix(b"data: "))["object"] == "chat.completion.chunk"
        assert event.count(b"\n") == 2
