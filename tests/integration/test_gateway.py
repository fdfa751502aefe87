"""Calls through the gateway over real connections: what providers break, and what callers get all the same."""

import asyncio
import contextlib
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    NotFound,
    Overloaded,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderPaused,
    ProviderThrottled,
    RequestRejected,
    StreamTruncated,
    Unavailable,
)
from aver.core.settings import ModelTimeouts
from aver.gateway import ChatRequest, Gateway, Message, Passage
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import Breaker, Retries
from aver.gateway.credentials import signer
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.gateways import SOON, Caller, config, text

TEXT = "You get 20 days of leave, Überraschung, 日本語 🙂. Ten of them carry over."
FAST = Retries(base=0.01)
WELL = Reply(TEXT)


@contextlib.asynccontextmanager
async def asking(*servers, family="openai", **declared):
    declared = {"retries": FAST} | declared
    kept = config(*(server.base_url for server in servers), **declared)
    gateway = Gateway(lambda: kept)
    try:
        yield Caller(gateway, family)
    finally:
        await gateway.close()


@contextlib.contextmanager
def fakes(*replies):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeProvider(each if callable(each) else list(each))) for each in replies]


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the server lives in another thread
            await asyncio.sleep(0.01)


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


FALLEN = [
    ("throttled, in seconds", Reply("slow down", status=429, retry_after=30), "provider-throttled"),
    (
        "throttled, until a date",
        Reply(
            "slow down", status=429, retry_after=format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        ),
        "provider-throttled",
    ),
    ("quota used up", Reply("", error="quota"), "provider-exhausted"),
    ("overloaded", Reply("overloaded", status=503), "provider-refused"),
    ("wrong key", Reply("", error="auth"), "provider-denied"),
    ("too long", Reply("", error="context_overflow"), "context-overflow"),
    ("filtered", Reply("", error="content_filter"), "content-filtered"),
    ("reset", Reply(fault="reset"), "provider-error"),
    ("web page", Reply(fault="not-json"), "provider-error"),
    ("no choices", Reply(fault="empty-choices"), None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("what", "reply", "slug"), FALLEN, ids=[what for what, _, _ in FALLEN])
async def test_what_breaks_before_the_first_token_is_answered_by_the_next(what, reply, slug, stream):
    with fakes([reply], [WELL]) as servers:
        async with asking(*servers) as me:
            told = await me.stream() if stream else (await me.complete()).text
            assert told == TEXT
            *_, last = me.outcomes
            assert last == ("m1", "fallback", "ok")
            assert slug in (None, me.outcomes[0][2])
            assert (me.record.usage.output_tokens, me.record.error) == (14, "")
            tries = {"provider-refused": 2, "provider-error": 2}.get(me.outcomes[0][2])
            if tries:
                assert len(servers[0].requests) == tries, "it is tried again once"
            elif slug:
                assert len(servers[0].requests) == 1, "it would say the same again"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("", error="auth"), ProviderDenied),
        (Reply("", error="quota"), ProviderExhausted),
        (Reply("", status=429, retry_after=99), ProviderThrottled),
        (Reply("", error="context_overflow"), ContextOverflow),
        (Reply("", error="content_filter"), ContentFiltered),
        (Reply(fault="empty-choices"), ProviderError),
        (Reply(fault="not-json"), ProviderError),
        (Reply(fault="unfinished", after=0, text=TEXT), StreamTruncated),
    ],
)
async def test_with_nobody_else_the_failure_has_its_type(reply, error):
    with fakes([reply]) as servers:
        async with asking(*servers) as me:
            with pytest.raises(error) as caught:
                await me.stream()
            assert me.record.error == caught.value.slug
            assert caught.value.next_step.endswith(".")


async def test_a_request_that_is_wrong_is_asked_of_nobody_else():
    with fakes([Reply("temperature must be a number", error="invalid_request")], [WELL]) as servers:
        async with asking(*servers) as me:
            with pytest.raises(RequestRejected, match="temperature"):
                await me.complete()
        assert not servers[1].requests


async def test_a_single_hiccup_is_retried():
    with fakes([Reply("oops", status=500), WELL]) as servers:
        async with asking(*servers) as me:
            assert (await me.complete()).text == TEXT
            assert me.outcomes == [("m0", "first", "provider-refused"), ("m0", "retry", "ok")]


async def test_calls_pay_for_the_retries_of_others():
    """One call in ten fails once: for ever, each is retried."""
    seen = []

    def rule(_):
        seen.append(1)
        return Reply("oops", status=500) if len(seen) % 11 == 1 else WELL

    with FakeProvider(rule) as server:
        async with asking(server) as me:
            for _ in range(150):
                assert (await me.complete()).text == TEXT
    assert len(seen) == 150 + 15


async def test_a_short_wait_that_is_asked_for_is_waited():
    with fakes([Reply("slow", status=429, retry_after=0.2), WELL]) as servers:
        async with asking(*servers) as me:
            assert (await me.complete()).text == TEXT
            first, again = me.record.attempts
            assert again.began_ms - first.ended_ms >= 200


async def test_an_outage_is_no_storm_and_opens_the_breaker():
    with fakes([Reply("down", status=503)], [WELL]) as servers:
        declared = {"breaker": Breaker(failures=5, window=60, open=60)}
        async with asking(*servers, provider=declared) as me:
            for _ in range(60):
                assert (await me.complete()).text == TEXT
            assert len(servers[0].requests) <= 11
            assert me.gateway.status()["models"]["m0"]["breaker"] == "open"
            assert [each.skipped for each in me.record.candidates if each.model == "m0"] == ["breaker"]


async def test_without_a_breaker_opening_retries_stay_within_their_budget():
    with fakes([Reply("down", status=503)], [WELL]) as servers:
        async with asking(*servers, provider={"breaker": Breaker(failures=1000)}) as me:
            for _ in range(60):
                assert (await me.complete()).text == TEXT
            assert len(servers[0].requests) <= 60 * 1.2


async def test_models_of_one_provider_are_no_way_around_its_outage():
    with fakes([Reply("down", status=503)]) as [server]:
        async with asking(*[server] * 3, provider={"breaker": Breaker(failures=1000)}) as me:
            kept = me.gateway._config()
            object.__setattr__(kept, "models", {n: replace(m, provider="p0") for n, m in kept.models.items()})
            for _ in range(60):
                with pytest.raises(ProviderError):
                    await me.complete()
        assert len(server.requests) <= 60 * 1.2


async def test_a_single_model_that_keeps_failing_fails_fast_and_comes_back():
    replies = [Reply("down", status=503)]
    with FakeProvider(lambda _: replies[0]) as server:
        declared = {"breaker": Breaker(failures=3, window=60, open=0.3)}
        async with asking(server, provider=declared, retries=Retries(attempts=1)) as me:
            for _ in range(3):
                with pytest.raises(ProviderError):
                    await me.complete()
            asked = len(server.requests)
            with pytest.raises(ProviderPaused) as caught:
                await me.complete()
            assert 0 < caught.value.retry_after <= 0.3
            assert len(server.requests) == asked
            assert me.outcomes == []
            replies[0] = WELL
            await asyncio.sleep(0.35)
            assert (await me.complete()).text == TEXT
            assert me.gateway.status()["models"]["m0"]["breaker"] == "closed"


async def test_silence_is_given_up_in_time_for_somebody_else():
    with fakes([Reply(fault="silence")], [WELL]) as servers:
        async with asking(*servers, timeouts=ModelTimeouts(2, 0.2, 0.2, 1)) as me:
            assert await me.stream() == TEXT
            assert me.outcomes[0] == ("m0", "first", "provider-timeout")
            assert (await me.complete()).text == TEXT
            assert me.record.attempts[0].usage.input_tokens > 0, "it was asked, and may have begun"
        await until(lambda: all(each.abandoned for each in servers[0].requests))


async def test_a_slow_first_token_and_a_slow_drip_are_waited_for():
    with fakes([Reply(TEXT, first_pause=0.2), Reply(TEXT, fault="slow-drip", piece=40, pause=0.01)]) as servers:
        async with asking(*servers) as me:
            assert await me.stream() == TEXT
            assert await me.stream() == TEXT


@pytest.mark.parametrize("stream", [False, True])
async def test_the_whole_call_has_a_deadline(stream):
    endless = Reply("word " * 5000, pause=0.01, fault=None if stream else "silence")
    with fakes([endless], [endless]) as servers:
        async with asking(*servers, timeouts=ModelTimeouts(2, 2, 2, 0.5)) as me:
            started = asyncio.get_running_loop().time()
            with pytest.raises(ProviderError):
                await (me.stream() if stream else me.complete())
            assert asyncio.get_running_loop().time() - started < 5


async def test_nobody_listens_nowhere():
    with fakes([WELL]) as [server]:
        gone = server.base_url
    for url, why in ((gone, "127.0.0.1"), ("http://nowhere.invalid/v1", "no address")):
        kept = config(url, retries=FAST)
        me = Caller(Gateway(lambda kept=kept: kept))
        with pytest.raises(ProviderError, match=why) as caught:
            await me.complete()
        assert caught.value.slug == "provider-error"
        assert me.record.usage.input_tokens == 0, "nothing was sent"
        await me.gateway.close()


async def test_a_server_that_speaks_no_tls():
    with fakes([WELL]) as [server]:
        kept = config(server.base_url.replace("http:", "https:"), retries=FAST)
        me = Caller(Gateway(lambda: kept))
        with pytest.raises(ProviderError, match="TLS") as caught:
            await me.complete()
        assert isinstance(caught.value.__cause__, ssl.SSLError | OSError)
        await me.gateway.close()


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


async def test_many_at_once_do_not_mix():
    with FakeProvider(lambda received: Reply(f"You said {received.prompt}.", piece=1)) as server:
        async with asking(server) as me:
            told = await asyncio.gather(*(me.stream(str(n)) for n in range(30)))
            whole = await asyncio.gather(*(me.complete(str(n)) for n in range(30)))
    assert told == [f"You said {n}." for n in range(30)]
    assert [each.text for each in whole] == told


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


@contextlib.asynccontextmanager
async def asking_at(handler, **declared):
    async with serving(handler) as url:
        kept = config(url, retries=FAST, **declared)
        gateway = Gateway(lambda: kept)
        try:
            yield Caller(gateway)
        finally:
            await gateway.close()


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


def event(content=None, finish=None):
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r1", "choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"


async def test_a_server_that_cuts_characters_and_lines_anywhere():
    raw = b": hello\r\n\r\n" + event(TEXT, "stop").replace(b"\n", b"\r\n") + b": bye\r\n\r\ndata: [DONE]\r\n\r\n"
    pieces = (raw[start : start + 5] for start in range(0, len(raw), 5))
    async with asking_at(streaming(*pieces), timeouts=ModelTimeouts()) as me:
        assert await me.stream() == TEXT


async def test_a_finished_reply_survives_a_server_that_never_ends_it():
    async with asking_at(streaming(event("Whole."), event(finish="stop"), hold=30), timeouts=ModelTimeouts()) as me:
        assert await me.stream() == "Whole."
        assert me.record.usage.estimated
        assert me.outcomes == [("m0", "first", "ok")]


async def test_signs_of_life_without_a_word_are_not_writing():
    pings = [b": ping\n\n"] * 200
    async with asking_at(streaming(event("Twenty days of leave "), *pings), timeouts=ModelTimeouts(2, 1, 0.2, 5)) as me:
        with pytest.raises(StreamTruncated, match="stopped writing"):
            await me.stream()
        assert me.outcomes[0] == ("m0", "first", "provider-timeout")


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


async def test_a_provider_that_repeats_the_key_does_not_show_it():
    class Key:
        async def sign(self, request):
            request.headers["Authorization"] = "Bearer hunter2-hunter2"

        def secrets(self):
            return ["hunter2-hunter2"]

    async def handler(request):
        return web.json_response({"error": {"message": f"Bad {request.headers['Authorization'][7:]}"}}, status=401)

    async with serving(handler) as url:
        kept = config(url)
        me = Caller(Gateway(lambda: kept, signers=lambda _: Key()))
        with pytest.raises(ProviderDenied, match=r"Bad \[key\]") as caught:
            await me.complete()
        assert "hunter2" not in str(caught.value)
        await me.gateway.close()


async def test_a_keeper_of_secrets_that_fails_leaves_the_others():
    class Away:
        async def sign(self, request):
            raise Unavailable("The keeper of secrets is away", "Try again.")

        def secrets(self):
            return []

    with fakes([WELL], [WELL]) as servers:
        kept = config(*(server.base_url for server in servers))
        gateway = Gateway(
            lambda: kept, signers=lambda provider: Away() if provider.name == "p0" else signer(provider, {})
        )
        me = Caller(gateway)
        assert await me.stream() == TEXT
        assert me.outcomes == [("m0", "first", "provider-denied"), ("m1", "fallback", "ok")]
        await gateway.close()


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
        assert me.record.usage.output_tokens == 14
        await me.gateway.close()


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


async def test_an_own_deadline_timer_is_left_behind_by_nobody():
    with fakes([WELL]) as servers:
        async with asking(*servers, timeouts=ModelTimeouts(2, SOON.first_token, 0.1, 5)) as me:
            for _ in range(3):
                assert await me.stream() == TEXT
            await asyncio.sleep(0.3)
            assert text([]) == ""
            assert await me.stream() == TEXT
