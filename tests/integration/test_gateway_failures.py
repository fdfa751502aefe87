"""What providers break, over real connections: who is asked again, who steps in, and what a caller is told at the end."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderPaused,
    ProviderThrottled,
    RequestRejected,
    StreamTruncated,
    Unavailable,
)
from aver.gateway import Gateway
from aver.gateway.config.types import Breaker, Retries
from aver.gateway.credentials import signer
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import Caller, config
from tests.integration.callers import FAST, TEXT, WELL, asking, fakes, serving

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
        declared = {"breaker": Breaker(failures=3, window=60, open=1)}
        async with asking(server, provider=declared, retries=Retries(attempts=1)) as me:
            for _ in range(3):
                with pytest.raises(ProviderError):
                    await me.complete()
            asked = len(server.requests)
            with pytest.raises(ProviderPaused) as caught:
                await me.complete()
            assert 0 < caught.value.retry_after <= 1
            assert len(server.requests) == asked
            assert me.outcomes == []
            replies[0] = WELL
            await asyncio.sleep(1.05)
            assert (await me.complete()).text == TEXT
            assert me.gateway.status()["models"]["m0"]["breaker"] == "closed"


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
