"""Servers that speak their protocol in ways of their own, over real connections."""

import asyncio

import pytest
from aiohttp import web

from aver.core.errors import (
    ProviderError,
)
from aver.core.settings import ModelTimeouts
from aver.testing.replies import Reply, Tokens
from tests.integration.callers import TEXT, asking, asking_at, event, fakes, streaming


@pytest.mark.parametrize(
    ("tokens", "right"),
    [(Tokens(0, 0), False), (Tokens(10**8, 5), False), (Tokens(5, 10**8), False), (Tokens(25, 18), True)],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_usage_that_cannot_be_is_worked_out_and_noted(tokens, right, stream):
    with fakes([Reply(TEXT * 3, tokens=tokens)]) as servers:
        async with asking(*servers) as me:
            await (me.stream() if stream else me.complete())
            usage = me.record.usage
    assert usage.estimated != right
    assert 0 < usage.input_tokens < 1000
    assert 0 < usage.output_tokens < 1000
    doubt = me.record.attempts[0].doubt
    assert doubt == ("" if right else f"input={tokens.input},output={tokens.output}")


@pytest.mark.parametrize("stream", [False, True])
async def test_usage_that_is_missing_is_estimated(stream):
    with fakes([Reply(TEXT, usage=False)]) as servers:
        async with asking(*servers) as me:
            await (me.stream() if stream else me.complete())
    assert me.record.usage.estimated
    assert me.record.usage.output_tokens == -(-len(TEXT) // 4)


async def test_a_server_that_cuts_characters_and_lines_anywhere():
    raw = b": hello\r\n\r\n" + event(TEXT, "stop").replace(b"\n", b"\r\n") + b": bye\r\n\r\ndata: [DONE]\r\n\r\n"
    pieces = (raw[start : start + 5] for start in range(0, len(raw), 5))
    async with asking_at(streaming(*pieces), timeouts=ModelTimeouts()) as me:
        assert await me.stream() == TEXT


async def test_a_server_that_does_not_stream():
    async def handler(request):
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 14}})

    async with asking_at(handler) as me:
        deltas = []
        assert await me.told(me.call(stream=True), deltas) == TEXT
        assert {delta.raw for delta in deltas} == {None}, "its own words are no events"
        assert me.record.usage.output_tokens == 14


async def test_a_server_that_streams_whatever_it_is_asked():
    async with asking_at(streaming(event("Twenty "), event("days."), event(finish="stop"), b"data: [DONE]\n\n")) as me:
        completion = await me.complete()
        assert (completion.text, completion.finish, completion.raw) == ("Twenty days.", "stop", b"")


async def test_a_server_that_does_not_know_stream_options():
    asked = []

    async def handler(request):
        body = await request.json()
        asked.append("stream_options" in body)
        if asked[-1]:
            return web.json_response({"error": {"message": "Unknown field stream_options"}}, status=400)
        return web.json_response({"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})

    async with asking_at(handler) as me:
        assert await me.stream(stream_options={"include_usage": True}) == "ok"
        assert await me.stream(stream_options={"include_usage": True}) == "ok"
        assert len(me.record.attempts) == 1
    assert asked == [True, False, False]


async def test_a_redirect_is_not_followed():
    async def handler(request):
        raise web.HTTPFound("http://127.0.0.1:9/v1/chat/completions")

    async with asking_at(handler) as me:
        with pytest.raises(ProviderError, match="302"):
            await me.complete()


async def test_one_connection_serves_streams_in_turn():
    peers = set()

    async def handler(request):
        peers.add(request.transport.get_extra_info("peername"))
        return await streaming(event("x", "stop"), b"data: [DONE]\n\n")(request)

    async with asking_at(handler) as me:
        for _ in range(5):
            assert await me.stream() == "x"
            await asyncio.sleep(0.05)
    assert len(peers) == 1
