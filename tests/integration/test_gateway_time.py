"""Silence, deadlines, callers who leave, and too many at once, over real connections."""

import asyncio

import pytest
from aiohttp import web

from aver.core.errors import (
    Overloaded,
    ProviderError,
    StreamTruncated,
)
from aver.core.settings import ModelTimeouts
from aver.gateway import Gateway
from aver.testing.replies import Reply
from tests.gateways import Caller, config, text
from tests.integration.callers import TEXT, WELL, asking, asking_at, event, fakes, serving, streaming, until


async def test_silence_is_given_up_in_time_for_somebody_else():
    with fakes([Reply(fault="silence")], [WELL]) as servers:
        async with asking(*servers, timeouts=[ModelTimeouts(10, 0.2, 0.2, 60, whole=0.2), ModelTimeouts()]) as me:
            assert await me.stream() == TEXT
            assert me.outcomes[0] == ("m0", "first", "provider-timeout")
            assert (await me.complete()).text == TEXT
            assert me.record.attempts[0].usage.input_tokens > 0, "it was asked, and may have begun"
        await until(lambda: all(each.abandoned for each in servers[0].requests))


async def test_a_reply_in_one_piece_has_a_time_of_its_own():
    slow = Reply(TEXT, pause=0.05, first_pause=0.1)
    with fakes([slow], [WELL]) as servers:
        async with asking(*servers, timeouts=[ModelTimeouts(whole=0.05), ModelTimeouts()]) as me:
            assert await me.stream() == TEXT
            assert me.outcomes == [("m0", "first", "ok")], "a stream may take longer"
            me.model = "m0"
            with pytest.raises(ProviderError, match=r"did not finish within 0\.05 s"):
                await me.complete()
            me.model = "r"
            assert (await me.complete()).text == TEXT
            assert me.outcomes == [("m0", "first", "provider-timeout"), ("m1", "fallback", "ok")]


async def test_a_slow_first_token_and_a_slow_drip_are_waited_for():
    with fakes([Reply(TEXT, first_pause=0.2), Reply(TEXT, fault="slow-drip", piece=40, pause=0.01)]) as servers:
        async with asking(*servers) as me:
            assert await me.stream() == TEXT
            assert await me.stream() == TEXT


@pytest.mark.parametrize("stream", [False, True])
async def test_the_whole_call_has_a_deadline(stream):
    endless = Reply("word " * 5000, pause=0.01, fault=None if stream else "silence")
    with fakes([endless], [endless]) as servers:
        async with asking(*servers, timeouts=ModelTimeouts(total=0.5)) as me:
            with pytest.raises(ProviderError, match=r"did not finish within 0\."):
                await (me.stream() if stream else me.complete())


async def test_a_caller_who_leaves_stops_the_provider_and_pays_for_what_was_written():
    with fakes([Reply("word " * 5000, pause=0.01)]) as [server]:
        async with asking(server) as me:
            reply = await me.gateway.open(me.call(stream=True))
            async for _ in reply:
                break
            await reply.aclose()
            await reply.aclose()
            assert len(me.records) == 1
            assert me.record.error == "cancelled"
            assert me.outcomes == [("m0", "first", "cancelled")]
            assert me.record.usage.estimated
            assert me.record.usage.input_tokens > 0
            await until(lambda: server.requests[0].abandoned)
            assert me.gateway.status()["models"]["m0"]["in_flight"] == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_stops_the_provider(stream):
    with fakes([Reply("word " * 5000, pause=0.01, fault=None if stream else "silence")]) as [server]:
        async with asking(server, timeouts=ModelTimeouts()) as me:
            task = asyncio.create_task(me.stream() if stream else me.complete())
            await until(lambda: server.requests)
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert me.record.error == "cancelled"
            await until(lambda: server.requests[0].abandoned)


async def test_a_provider_gets_no_more_calls_at_once_than_it_may():
    busy = [0, 0]

    async def handler(request):
        await request.read()
        busy[0] += 1
        busy[1] = max(busy)
        await asyncio.sleep(0.05)
        busy[0] -= 1
        return web.json_response({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})

    async with serving(handler) as url:
        kept = config(url, provider={"max_concurrent": 2, "queue": 4})
        me = Caller(Gateway(lambda: kept))
        done = await asyncio.gather(*(me.complete() for _ in range(10)), return_exceptions=True)
        await me.gateway.close()
    shed = [each for each in done if isinstance(each, Overloaded)]
    assert (len(shed), busy[1]) == (4, 2)
    assert shed[0].retry_after == 1


async def test_signs_of_life_without_a_word_are_not_writing():
    pings = [b": ping\n\n"] * 200
    async with asking_at(streaming(event("Twenty days of leave "), *pings), timeouts=ModelTimeouts(stall=0.2)) as me:
        with pytest.raises(StreamTruncated, match="stopped writing"):
            await me.stream()
        assert me.outcomes[0] == ("m0", "first", "provider-timeout")


async def test_a_finished_reply_survives_a_server_that_never_ends_it():
    async with asking_at(streaming(event("Whole."), event(finish="stop"), hold=30), timeouts=ModelTimeouts()) as me:
        assert await me.stream() == "Whole."
        assert me.record.usage.estimated
        assert me.outcomes == [("m0", "first", "ok")]


async def test_an_own_deadline_timer_is_left_behind_by_nobody():
    with fakes([WELL]) as servers:
        async with asking(*servers, timeouts=ModelTimeouts(stall=0.5)) as me:
            for _ in range(3):
                assert await me.stream() == TEXT
            await asyncio.sleep(0.8)
            assert text([]) == ""
            assert await me.stream() == TEXT
