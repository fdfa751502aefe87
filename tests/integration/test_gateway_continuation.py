"""Replies that break off after some of them was shown, over real connections: told whole by somebody else, or ended with an error."""

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core.errors import ProviderError, StreamTruncated
from aver.core.settings import ModelTimeouts
from aver.gateway import Gateway
from aver.gateway.config.types import Retries
from aver.gateway.credentials import signer
from aver.gateway.types import ToolCall
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import Caller, config

TEXT = (
    "Ten days of unused leave carry over to the next year. They must be used by the end of March, unless your lead "
    "agrees in writing.\n\n- Überstunden zählen nicht mit.\n- 有給休暇は二十日です。 🙂\n\nAsk Payroll about 1,250.50 euros."
)
SOON = ModelTimeouts(stall=0.4)
FAST = Retries(base=0.01)


@contextlib.asynccontextmanager
async def asking(*replies, **declared):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(FakeProvider(list(each))) for each in replies]
        urls = [
            _url(server, kind) for server, kind in zip(servers, declared.get("kinds") or ["openai"] * 9, strict=False)
        ]
        kept = config(*urls, **({"timeouts": SOON, "retries": FAST} | declared))
        gateway = Gateway(lambda: kept, signers=lambda provider: signer(provider, {}))
        try:
            yield Caller(gateway), servers
        finally:
            await gateway.close()


def _url(server, kind):
    return server.base_url if kind in ("openai", "responses", "anthropic") else server.root_url


@pytest.mark.parametrize("fault", ["cut", "stall", "unfinished", "malformed", "error-event"])
@pytest.mark.parametrize("prefill", ["ignore", "continue", "reject"])
@pytest.mark.parametrize("after", [3, 30, 91, len(TEXT) - 5])
async def test_whoever_comes_next_goes_on(fault, prefill, after):
    async with asking([Reply(TEXT, fault=fault, after=after)], [Reply(TEXT, prefill=prefill)]) as (me, _):
        assert await me.stream() == TEXT
        assert me.outcomes[0][:2] == ("m0", "first")
        assert me.outcomes[-1] == ("m1", "continuation", "ok")
        first, last = me.record.attempts[0], me.record.attempts[-1]
        assert first.usage.estimated
        assert me.record.usage.output_tokens >= first.usage.output_tokens + last.usage.output_tokens
        assert (me.record.finish, me.record.error) == ("stop", "")


@pytest.mark.parametrize("kind", ["anthropic", "gemini", "responses"])
async def test_another_family_goes_on(kind):
    replies = [Reply(TEXT, fault="cut", after=60)], [Reply(TEXT, prefill="continue")]
    async with asking(*replies, kinds=("openai", kind)) as (me, servers):
        deltas = []
        assert await me.told(me.call(stream=True), deltas) == TEXT
        raws = [delta.raw is None for delta in deltas]
        assert raws == sorted(raws), "passed on as it came until it broke off, written from there on"
        assert raws[-1]
        assert servers[1].requests[-1].asked.prompt.count("Ten days") >= 1


async def test_a_single_model_goes_on_with_its_own_reply():
    cut = Reply(TEXT, fault="cut", after=60)
    async with asking([cut, Reply(TEXT)]) as (me, _):
        assert await me.stream() == TEXT
        assert [(role, outcome) for _, role, outcome in me.outcomes] == [
            ("first", "stream-truncated"),
            ("continuation", "ok"),
        ]


async def test_a_model_that_always_breaks_off_is_given_up():
    async with asking([Reply(TEXT, fault="cut", after=60)]) as (me, [server]):
        deltas = []
        with pytest.raises(StreamTruncated, match="nobody could go on"):
            await me.told(me.call(stream=True), deltas)
        told = "".join(delta.text for delta in deltas)
        assert TEXT.startswith(told)
        assert told
        assert all(delta.finish is None for delta in deltas)
        assert me.record.error == "stream-truncated"
        assert len(server.requests) <= 4


async def test_a_reply_may_break_off_more_than_once():
    replies = [Reply(TEXT, fault="cut", after=40)], [Reply(TEXT, fault="stall", after=120)], [Reply(TEXT)]
    async with asking(*replies) as (me, _):
        assert await me.stream() == TEXT
        assert [model for model, _, _ in me.outcomes] == ["m0", "m1", "m2"]


async def test_who_says_something_else_is_not_listened_to():
    other = Reply("Certainly! You have plenty of leave, I am glad to say so, more than anybody needs in a year.")
    async with asking([Reply(TEXT, fault="cut", after=60)], [other], [Reply(TEXT)]) as (me, _):
        assert await me.stream() == TEXT
        assert ("m1", "continuation", "diverged") in me.outcomes
    async with asking([Reply(TEXT, fault="cut", after=60)], [other]) as (me, _):
        with pytest.raises(StreamTruncated):
            await me.stream()


@pytest.mark.parametrize(
    ("reply", "asked"),
    [
        (
            Reply("Looking.", tools=(ToolCall("c1", "look", '{"what": "leave"}'),), fault="cut", after=14),
            {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]},
        ),
        (Reply('{"days": 10, "more": "x"}', fault="cut", after=12), {"response_format": {"type": "json_object"}}),
        (Reply(TEXT, fault="cut", after=40), {"n": 2}),
    ],
    ids=["half a tool call", "structured output", "one of several"],
)
async def test_what_nobody_can_go_on_with_ends_with_an_error(reply, asked):
    async with asking([reply], [Reply(reply.text, tools=reply.tools)]) as (me, servers):
        with pytest.raises(StreamTruncated) as caught:
            await me.stream(**asked)
        assert isinstance(caught.value.__cause__, ProviderError)
        assert not servers[1].requests
        assert me.record.error == "stream-truncated"


async def test_what_broke_off_in_thought_is_answered_anew():
    thinking = Reply("Ten days.", reasoning="Let me see, how many days are there?", fault="cut", after=20)
    async with asking([thinking], [Reply("Ten days.", reasoning="Ten, I think.")]) as (me, _):
        deltas = []
        assert await me.told(me.call(stream=True), deltas) == "Ten days."
        thoughts = "".join(delta.reasoning.text for delta in deltas if delta.reasoning)
        assert thinking.reasoning.startswith(thoughts)


async def test_who_refused_a_prefill_is_not_offered_one_again():
    cut = Reply(TEXT, fault="cut", after=60)
    async with asking([cut], [Reply(TEXT, prefill="reject")]) as (me, _):
        for refusals in (1, 0):
            assert await me.stream() == TEXT
            assert sum(outcome == "request-rejected" for _, _, outcome in me.outcomes) == refusals


FAULTS = st.sampled_from(["cut", "unfinished", "malformed", "error-event", "reset", "stall", None, None])
UPSTREAM = st.builds(
    lambda fault, after, prefill, piece: Reply(TEXT, fault=fault, after=after, prefill=prefill, piece=piece),
    FAULTS,
    st.integers(0, len(TEXT)),
    st.sampled_from(["ignore", "continue", "reject"]),
    st.integers(1, 40),
)


@pytest.fixture(scope="module")
def upstreams():
    """Three servers whose replies a test puts in."""
    replies = [[], [], []]
    with contextlib.ExitStack() as stack:

        def rule(index):
            return lambda _: replies[index].pop(0) if len(replies[index]) > 1 else replies[index][0]

        servers = [stack.enter_context(FakeProvider(rule(index))) for index in range(3)]
        yield replies, [server.base_url for server in servers]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(UPSTREAM, min_size=1, max_size=3), min_size=3, max_size=3))
def test_the_caller_gets_exactly_the_text_or_an_error(upstreams, scripts):
    """Whatever breaks, wherever, however often, over upstreams that tell the same text."""
    replies, urls = upstreams
    for index, script in enumerate(scripts):
        replies[index][:] = script
    kept = config(*urls, timeouts=ModelTimeouts(2, 1, 0.05, 10), retries=Retries(base=0.001))

    async def ask():
        gateway = Gateway(lambda: kept)
        me, deltas = Caller(gateway), []
        try:
            await me.told(me.call(stream=True), deltas)
        except ProviderError as error:
            return "".join(delta.text for delta in deltas), error, me.record
        finally:
            await gateway.close()
        return "".join(delta.text for delta in deltas), None, me.record

    told, error, record = asyncio.run(ask())
    if error is None:
        assert told == TEXT
        assert record.finish == "stop"
    else:
        assert TEXT.startswith(told)
        assert record.error == error.slug
    assert len(record.attempts) <= 16
