"""Calls through the gateway over real connections: what a caller is told, and what is written down of it."""

import asyncio
import gc
import json
from dataclasses import replace

import pytest

from aver.core.errors import (
    NotFound,
    ProviderError,
)
from aver.core.settings import ModelTimeouts
from aver.gateway import ChatRequest, Gateway, Message, Passage
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import Breaker
from aver.gateway.credentials import signer
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import Caller, config
from tests.integration.callers import FAST, TEXT, WELL, asking, fakes, until


async def test_a_whole_reply_and_a_streamed_one_are_accounted_for():
    with fakes([WELL]) as servers:
        async with asking(*servers) as me:
            completion = await me.complete()
            assert completion.text == TEXT
            assert json.loads(completion.raw)["choices"][0]["message"]["content"] == TEXT
            whole = me.record
            assert await me.stream(stream_options={"include_usage": True}) == TEXT
            streamed = me.record
    assert (whole.streamed, streamed.streamed) == (False, True)
    for record in (whole, streamed):
        assert (record.usage.input_tokens, record.usage.output_tokens) == (5, 14)
        assert (record.finish, record.error, record.route, record.cache) == ("stop", "", "r", "off")
        assert 0 < record.first_ms <= record.ms
        assert record.config
        assert record.id.startswith("call_")
        assert record.usage.cost_usd is None, "nobody said what it costs"
    assert me.outcomes == [("m0", "first", "ok")]


async def test_within_one_family_a_stream_is_passed_on_as_it_came():
    with fakes([WELL]) as servers:
        async with asking(*servers) as me:
            for options in ({}, {"stream_options": {"include_usage": True}}):
                deltas = []
                assert await me.told(me.call(stream=True, **options), deltas) == TEXT
                events = [
                    json.loads(event[6:]) for event in b"".join(each.raw for each in deltas).split(b"\n\n") if event
                ]
                told = "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])
                assert told == TEXT
                assert any(event.get("usage") for event in events) == bool(options), (
                    "what was not asked for is not shown"
                )
                assert me.record.usage.output_tokens == 14, "and counts all the same"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_of_another_family_is_translated_for(stream):
    with fakes([WELL]) as servers:
        async with asking(*servers, family="anthropic") as me:
            if stream:
                deltas = []
                assert await me.told(me.call(stream=True), deltas) == TEXT
                assert {delta.raw for delta in deltas} == {None}
            else:
                assert (await me.complete()).text == TEXT
        assert servers[0].requests[0].body["messages"][-1]["content"] == "How many days of leave?"


async def test_many_at_once_do_not_mix():
    with FakeProvider(lambda received: Reply(f"You said {received.prompt}.", piece=1)) as server:
        async with asking(server) as me:
            told = await asyncio.gather(*(me.stream(str(n)) for n in range(30)))
            whole = await asyncio.gather(*(me.complete(str(n)) for n in range(30)))
    assert told == [f"You said {n}." for n in range(30)]
    assert [each.text for each in whole] == told


async def test_an_unknown_name_is_answered_with_the_nearest():
    with fakes([WELL]) as servers:
        async with asking(*servers) as me:
            me.model = "m00"
            with pytest.raises(NotFound, match="m0"):
                await me.complete()
            assert me.record.error == "not-found"
            assert set(me.gateway.names()) == {"r", "m0"}


async def test_the_extractive_model_answers_when_nobody_else_can():
    chat = ChatRequest(
        (Message("user", "How many days of leave do I get?"),),
        question="How many days of leave do I get?",
        passages=(Passage(1, "Leave", "You get 20 days of leave. The printer is upstairs."),),
    )
    with fakes([Reply("down", status=503)]) as [server]:
        for allowed in (True, False):
            kept = config(server.base_url, retries=FAST, last_resort=allowed)
            gateway = Gateway(lambda kept=kept: kept, last_resort=Extractive(HashEmbedder(256)))
            me = Caller(gateway)
            if allowed:
                assert "You get 20 days of leave. [1]" in (await gateway.complete(me.own(chat))).text
                deltas = []
                assert "You get 20 days of leave. [1]" in await me.told(me.own(chat, stream=True), deltas)
                assert me.outcomes[-1] == ("extractive:sentences-1", "last_resort", "ok")
                assert me.record.nano_usd == 0
                me.model = "extractive:sentences-1"
                assert "20 days" in (await gateway.complete(me.own(chat))).text
            else:
                with pytest.raises(ProviderError):
                    await gateway.complete(me.own(chat))
            await gateway.close()


def test_one_gateway_serves_event_loops_in_turn():
    with fakes([WELL]) as [server]:
        kept = config(server.base_url)
        gateway = Gateway(lambda: kept)

        async def once():
            told = await Caller(gateway).stream()
            await gateway.close()
            return told

        assert [asyncio.run(once()) for _ in range(2)] == [TEXT, TEXT]


# The library leaves sessions and coroutines of its own bookkeeping to the collector, which may find them here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_what_a_library_carries_is_carried_through_all_the_same():
    with fakes([WELL], [Reply(TEXT, fault="cut", after=30)]) as servers:
        urls = [server.base_url for server in servers]
        key = {"credential": "env:KEY"}
        kept = config(*urls, kinds=("litellm", "openai"), timeouts=ModelTimeouts(), provider=key)
        kept = replace(kept, models=kept.models | {"m0": replace(kept.models["m0"], id="openai/fake")})
        me = Caller(Gateway(lambda: kept, signers=lambda provider: signer(provider, {"KEY": "a-key"})), model="m0")
        assert (await me.complete()).text == TEXT
        assert me.record.usage.output_tokens == 14
        assert await me.stream() == TEXT
        # Where the library's own bookkeeping is late it keeps the provider's count to itself; then it is estimated, never nothing.
        assert me.record.usage.output_tokens == 14 or (me.record.usage.estimated and me.record.usage.output_tokens > 14)
        await me.gateway.close()
    gc.collect()


async def test_reloading_keeps_what_was_not_declared_anew():
    with fakes([WELL], [Reply(TEXT, first_pause=0.3)]) as servers:
        old = config(*(each.base_url for each in servers))
        new = config(servers[0].base_url, provider={"breaker": Breaker(failures=50)})
        current = [old]
        gateway = Gateway(lambda: current[0])
        me = Caller(gateway, model="m1")
        under_way = asyncio.create_task(me.stream())
        await until(lambda: servers[1].requests)
        keeps = gateway._desk().deployments["m0"]
        current[0] = new
        assert (await Caller(gateway).complete()).text == TEXT
        assert gateway._desk().deployments["m0"] is keeps
        assert set(gateway.names()) == {"r", "m0"}
        assert await under_way == TEXT, "a call under way ends on what it began with"
        current[0] = config(servers[0].base_url, timeouts=ModelTimeouts(total=7))
        assert gateway._desk().deployments["m0"] is not keeps
        await gateway.close()
