"""The OpenAI-compatible provider against the fake server, over real connections, faults and all."""

import asyncio
import contextlib
import json

import pytest
from aiohttp import web

from aver.core.errors import InvalidInput, ProviderError, ProviderRefused, ProviderTimeout, StreamTruncated
from aver.core.settings import ModelTimeouts
from aver.gateway import ChatDelta, ChatRequest, Gateway, Message, Passage
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.adapters.openai_compatible import OpenAICompatible, Prices
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply

KEY = "sk-test-0123456789"
SHORT = ModelTimeouts(connect=5, first_token=0.3, stall=0.3, total=10)
REQUEST = ChatRequest((Message("system", "Be brief."), Message("user", "How many days of leave do I get?")))
TEXT = "You get 20 days of leave, Überraschung, 日本語 🙂. [1]"


@contextlib.asynccontextmanager
async def provider(server, **options):
    made = OpenAICompatible(server.base_url, KEY, "fake", **options)
    try:
        yield made
    finally:
        await made.close()


async def read(made, request=REQUEST) -> tuple[str, ChatDelta]:
    deltas = [delta async for delta in made.stream(request)]
    assert [delta.finish for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
    return "".join(delta.text for delta in deltas), deltas[-1]


async def fails(server, error, match=None, **options):
    written = ""
    async with provider(server, **options) as made:
        with pytest.raises(error, match=match) as caught:  # noqa: PT012 - what was written before counts too
            async for delta in made.stream(REQUEST):
                written += delta.text
                assert delta.finish is None
    assert KEY not in str(caught.value)
    return written, caught.value


async def test_a_reply_streams_with_its_usage_and_cost():
    with FakeProvider([Reply(TEXT, piece=3)], key=KEY) as server:
        async with provider(server, prices=Prices(input=1.0, output=10.0)) as made:
            text, last = await read(made)
        assert text == TEXT
        assert last.finish == "stop"
        assert (last.usage.input_tokens, last.usage.output_tokens) == (10, 10)
        assert last.usage.cost_usd == pytest.approx((10 + 100) / 1e6)
        assert not last.usage.estimated
        assert server.requests[0].body["model"] == "fake"
        assert server.requests[0].body["messages"][1]["content"] == REQUEST.messages[1].content


async def test_without_prices_the_cost_is_unknown_and_without_usage_tokens_are_estimates():
    with FakeProvider([Reply(TEXT, usage=False)]) as server:
        async with provider(server) as made:
            _, last = await read(made)
    assert last.usage.cost_usd is None
    assert last.usage.estimated
    assert last.usage.input_tokens == 11
    assert last.usage.output_tokens == -(-len(TEXT) // 4)


async def test_one_connection_serves_requests_in_turn():
    peers = set()

    async def handler(request):
        peers.add(request.transport.get_extra_info("peername"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(
            b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        )
        return response

    async with serving(handler) as url:
        made = OpenAICompatible(url, None, "m")
        for _ in range(5):
            assert (await read(made))[0] == "x"
        await made.close()
    assert len(peers) == 1


async def test_many_at_once_do_not_mix():
    with FakeProvider(
        lambda received: Reply(f"You said {received.body['messages'][0]['content']}.", piece=1)
    ) as server:
        async with provider(server) as made:
            replies = await asyncio.gather(*(read(made, ChatRequest((Message("user", str(n)),))) for n in range(30)))
    assert [text for text, _ in replies] == [f"You said {n}." for n in range(30)]


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_other_finishes_are_told(finish):
    with FakeProvider([Reply("Half a", finish=finish)]) as server:
        async with provider(server) as made:
            assert (await read(made))[1].finish == finish


async def test_a_refused_connection():
    with FakeProvider([Reply()]) as server:
        pass
    _, error = await fails(server, ProviderError, "cannot be reached")
    assert "127.0.0.1" in error.cause


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_error_statuses_are_refusals_in_the_providers_words(status):
    with FakeProvider([Reply(f"You sent {KEY}, which is wrong", status=status, retry_after=7)]) as server:
        _, error = await fails(server, ProviderRefused, f"status {status}: You sent .key., which is wrong")
    assert error.next_step == "Try again in 7 seconds."


async def test_a_wrong_key():
    with FakeProvider([Reply()], key="another") as server:
        _, error = await fails(server, ProviderRefused, "401")
    assert "key" in error.next_step


async def test_faults_before_the_first_token():
    with FakeProvider([Reply(fault="reset")]) as server:
        await fails(server, ProviderError, "broke off before")
    with FakeProvider([Reply(fault="silence")]) as server:
        await fails(server, ProviderTimeout, "wrote nothing within 0.3 s", timeouts=SHORT)
        await until(lambda: server.requests[0].abandoned)
    with FakeProvider([Reply("never", fault="stall")]) as server:
        await fails(server, ProviderTimeout, "wrote nothing", timeouts=SHORT)
    with FakeProvider([Reply(fault="not-json")]) as server:
        await fails(server, ProviderError, "cannot be read")


async def test_a_stall_in_the_middle():
    with FakeProvider([Reply(TEXT, fault="stall", after=20)]) as server:
        written, _ = await fails(server, ProviderTimeout, "stopped writing", timeouts=SHORT)
    assert written == TEXT[:20]


@pytest.mark.parametrize("fault", ["cut", "unfinished"])
async def test_a_stream_without_its_end_is_truncated(fault):
    with FakeProvider([Reply(TEXT, fault=fault, after=21, pause=0.01)]) as server:
        written, _ = await fails(server, StreamTruncated)
    assert TEXT[:21].startswith(written)
    assert written


async def test_what_is_not_the_protocol_is_an_error():
    with FakeProvider([Reply(TEXT, fault="malformed", after=14)]) as server:
        written, _ = await fails(server, ProviderError, "cannot be read")
        assert written == TEXT[:14]
    with FakeProvider([Reply(fault="empty-choices")]) as server:
        await fails(server, StreamTruncated)


async def test_an_endless_answer_meets_the_total():
    with FakeProvider([Reply("word " * 5000, pause=0.01)]) as server:
        await fails(server, ProviderTimeout, "did not finish within 0.4 s", timeouts=ModelTimeouts(total=0.4))


async def test_leaving_early_stops_the_server():
    with FakeProvider([Reply("word " * 5000, pause=0.01)]) as server:
        async with provider(server) as made:
            deltas = made.stream(REQUEST)
            await anext(deltas)
            await deltas.aclose()
            await until(lambda: server.requests[0].abandoned)


async def test_cancelling_stops_the_server():
    with FakeProvider([Reply("word " * 5000, pause=0.01)]) as server:
        async with provider(server) as made:
            task = asyncio.create_task(read(made))
            await until(lambda: server.requests)
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: server.requests[0].abandoned)


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the server lives in another thread
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(handler):
    """A server of its own, for what the fake does not do."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1/"
    finally:
        await runner.cleanup()


def streaming(*chunks, hold=0.0):
    async def handler(request):
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        await asyncio.sleep(hold)
        return response

    return handler


async def test_a_server_that_cuts_characters_and_lines_anywhere():
    event = json.dumps(
        {"choices": [{"index": 0, "delta": {"content": TEXT}, "finish_reason": "stop"}]}, ensure_ascii=False
    )
    raw = f": hello\r\n\r\ndata:{event}\r\n\r\n: bye\r\n\r\ndata: [DONE]\r\n\r\n".encode()
    async with serving(streaming(*(raw[start : start + 5] for start in range(0, len(raw), 5)))) as url:
        made = OpenAICompatible(url, None, "m")
        assert (await read(made))[0] == TEXT
        await made.close()


async def test_a_finished_answer_survives_a_server_that_never_ends_it():
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Whole."},"finish_reason":"stop"}]}\n\n'
    async with serving(streaming(event, hold=30)) as url:
        made = OpenAICompatible(url, None, "m")
        text, last = await read(made)
        await made.close()
    assert text == "Whole."
    assert last.usage.estimated


async def test_a_server_that_does_not_stream():
    async def handler(request):
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})

    async with serving(handler) as url:
        made = OpenAICompatible(url, None, "m")
        text, last = await read(made)
        await made.close()
    assert text == TEXT
    assert last.usage.output_tokens == 4


async def test_a_server_that_does_not_know_stream_options():
    async def handler(request):
        asked = await request.json()
        if "stream_options" in asked:
            return web.json_response({"error": {"message": "Unknown field stream_options"}}, status=400)
        choice = {"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    async with serving(handler) as url:
        made = OpenAICompatible(url, None, "m")
        assert (await read(made))[0] == "ok"
        assert (await read(made))[0] == "ok"
        await made.close()


async def test_a_redirect_is_not_followed():
    async def handler(request):
        raise web.HTTPFound("http://127.0.0.1:9/v1/chat/completions")

    async with serving(handler) as url:
        made = OpenAICompatible(url, KEY, "m")
        with pytest.raises(ProviderRefused, match="302"):
            await read(made)
        await made.close()


def test_a_base_url_that_is_none():
    with pytest.raises(InvalidInput, match="no base_url"):
        OpenAICompatible("localhost:8000/v1", None, "m")


def test_one_provider_serves_event_loops_in_turn():
    with FakeProvider([Reply("ok")]) as server:
        made = OpenAICompatible(server.base_url, KEY, "fake")

        async def once():
            text, _ = await read(made)
            await made.close()
            return text

        assert [asyncio.run(once()) for _ in range(2)] == ["ok", "ok"]


async def test_the_gateway_falls_back_to_verbatim_sentences():
    request = ChatRequest(
        REQUEST.messages,
        question="How many days of leave do I get?",
        passages=(Passage(1, "Leave", "You get 20 days of leave. The printer is upstairs."),),
    )
    with FakeProvider([Reply(status=503, text="overloaded")]) as server:
        gateway = Gateway(OpenAICompatible(server.base_url, KEY, "fake"), Extractive(HashEmbedder(256)))
        reply = await gateway.open(request)
        text = "".join([delta.text async for delta in reply])
        await gateway.close()
    assert (reply.mode, reply.fallback_from) == ("extractive", "provider-refused openai-compatible:fake")
    assert "You get 20 days of leave. [1]" in text
