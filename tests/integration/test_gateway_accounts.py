"""What calls cost and may cost: over real connections, with the real budgets."""

import asyncio
import contextlib
from datetime import date

import pytest

from aver.core import SystemClock
from aver.core.errors import BudgetExceeded, LimitReached, ProviderError, StreamTruncated, Unavailable
from aver.core.settings import ModelTimeouts
from aver.gateway import ChatRequest, Completion, Gateway, Message, Passage
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.budgets import SqlGrantStore, TenantBudgets
from aver.gateway.cache.types import Found
from aver.gateway.config.types import Breaker, Budget, CachePolicy, Cascade, Hedge, Retries
from aver.gateway.prices.types import Price, Rates
from aver.gateway.types import Text, Usage
from aver.gateway.wire.types import EmbeddingsRequest, RerankRequest
from aver.store import Store
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.gateways import Caller, config
from tests.integration.callers import until

RATES = Rates(1_000_000_000, 10_000_000_000)
"""A thousand nano-dollars a token read, ten thousand a token written."""
TEXT = "Ten days of unused leave carry over to the next year, and must be used by the end of March."
WELL = Reply(TEXT, tokens=Tokens(20, 30))
COST = 20 * 1_000 + 30 * 10_000
FAST = Retries(base=0.01)


def budget(limit, unit="usd", per="tenant"):
    return Budget("monthly", per, unit, limit, "month")


@contextlib.contextmanager
def fakes(*replies):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeProvider(each if callable(each) else list(each))) for each in replies]


@pytest.fixture
def asking(tmp_path):
    """Makes a caller of a gateway over some servers, whose budgets are kept in a real store."""
    store = Store(tmp_path)
    grants = SqlGrantStore(store.tenant(store.create_tenant("northwind").id))

    @contextlib.asynccontextmanager
    async def opened(*servers, prices=None, caches=None, last_resort_model=None, **declared):
        declared = {"retries": FAST, "model": {"rates": RATES}} | declared
        kept = config(*(server.base_url for server in servers), **declared)
        budgets = TenantBudgets(grants, lambda: kept, SystemClock())
        gateway = Gateway(
            lambda: kept, prices=prices, budgets=lambda _: budgets, caches=caches, last_resort=last_resort_model
        )
        try:
            yield Caller(gateway)
        finally:
            await gateway.close()
            await budgets.close()

    yield opened
    grants.close()
    store.close()


async def test_a_streamed_call_costs_what_a_whole_one_does(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, budgets=[budget(10**9)]) as me:
            await me.complete(max_tokens=100)
            await me.stream(max_tokens=100)
    for record in me.records:
        assert record.nano_usd == COST
        assert record.usage.cost_usd == COST / 1e9
        assert not record.unpriced
        (state,) = record.budgets
        assert state["settled"] == COST
        assert state["reserved"] >= COST
    assert me.records[1].budgets[0]["left"] == me.records[0].budgets[0]["left"] - COST


async def test_a_call_that_might_cost_too_much_is_not_made(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, budgets=[budget(2_000_000)]) as me:
            with pytest.raises(BudgetExceeded):
                await me.complete(max_tokens=300)
            assert me.record.error == "budget-exceeded"
            assert not servers[0].requests
            assert (await me.complete(max_tokens=50)).text == TEXT


async def test_calls_at_once_never_cost_more_than_the_budget_allows(asking):
    limit = 40 * COST
    with fakes([WELL]) as servers:
        async with asking(*servers, budgets=[budget(limit)]) as me:
            done = await asyncio.gather(
                *((me.stream if n % 2 else me.complete)(max_tokens=30) for n in range(120)), return_exceptions=True
            )
            refused = [each for each in done if isinstance(each, LimitReached)]
            spent = sum(record.nano_usd for record in me.records)
    assert spent <= limit
    assert refused
    assert len(done) - len(refused) == spent // COST == len(servers[0].requests)


async def test_a_limit_on_requests_alone_bounds_no_output(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, budgets=[budget(1, "requests")]) as me:
            await me.complete()
            assert "max_tokens" not in servers[0].requests[0].body
            with pytest.raises(LimitReached):
                await me.complete()


async def test_output_that_nobody_bounds_is_bounded_for_the_budget(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, budgets=[budget(10**12)]) as me:
            await me.complete()
        async with asking(*servers, budgets=[budget(10**12)], model={"rates": RATES, "max_output": 900}) as me:
            await me.complete()
            assert me.record.budgets[0]["reserved"] < 1000 * 10_000 + 10**7
    sent = [
        request.body.get("max_tokens") or request.body.get("max_completion_tokens") for request in servers[0].requests
    ]
    assert sent == [8192, None]


async def test_who_writes_more_than_allowed_is_cut_off_when_the_budget_ends(asking):
    with fakes([Reply("word " * 20_000, piece=500, pause=0.002)]) as [server]:
        async with asking(server, budgets=[budget(4_000_000)]) as me:
            deltas = []
            with pytest.raises(BudgetExceeded):
                await me.told(me.call(stream=True, max_tokens=100), deltas)
            assert me.record.error == "budget-exceeded"
            assert me.outcomes == [("m0", "first", "budget-exceeded")]
            assert 0 < sum(len(delta.text) for delta in deltas) < 50_000
            assert me.record.budgets[0]["settled"] == me.record.nano_usd > 0
            await until(lambda: server.requests[0].abandoned)


async def test_what_was_written_before_leaving_is_paid_for(asking):
    with fakes([Reply("word " * 5000, pause=0.005)]) as [server]:
        async with asking(server, budgets=[budget(10**9)]) as me:
            reply = await me.gateway.open(me.call(stream=True, max_tokens=100))
            await anext(reply)
            await reply.aclose()
    assert me.record.error == "cancelled"
    assert 20_000 < me.record.nano_usd == me.record.budgets[0]["settled"] < 10**6


async def test_a_continued_reply_pays_for_both(asking):
    with fakes([Reply(TEXT, fault="cut", after=40)], [WELL]) as servers:
        async with asking(*servers, budgets=[budget(10**9)]) as me:
            assert await me.stream(max_tokens=100) == TEXT
    first, second = me.record.attempts
    assert second.nano_usd == COST
    assert first.nano_usd == first.usage.input_tokens * 1_000 + 10 * 10_000
    assert me.record.nano_usd == me.record.budgets[0]["settled"] == first.nano_usd + second.nano_usd


async def test_who_cannot_afford_a_second_model_gets_no_more(asking):
    with fakes([Reply(TEXT, fault="cut", after=60)], [WELL]) as servers:
        async with asking(*servers, budgets=[budget(1_700_000)]) as me:
            with pytest.raises(BudgetExceeded):
                await me.stream(max_tokens=100)
            assert me.record.nano_usd <= 1_700_000
        assert not servers[1].requests


class Book:
    """A price book with one line."""

    version = "book-1"

    def price(self, name):
        return Price(name, date(2026, 1, 1), RATES) if name == "known" else None

    def highest(self):
        return Price("highest", date(2026, 1, 1), RATES)


async def test_a_model_without_a_price_is_not_asked(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, model={}, prices=Book()) as me:
            with pytest.raises(Unavailable, match="None of the models of r can be asked: nobody knows a price of m0"):
                await me.complete()
            assert [each.skipped for each in me.record.candidates] == ["price"]
        assert not servers[0].requests


async def test_or_is_counted_at_the_highest_price(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers, model={}, prices=Book(), unknown_price="highest") as me:
            await me.complete()
            assert (me.record.nano_usd, me.record.unpriced, me.record.prices) == (COST, True, "book-1")
        async with asking(*servers, model={"price": "known"}, prices=Book()) as me:
            await me.complete()
            assert (me.record.nano_usd, me.record.unpriced) == (COST, False)


async def test_a_late_model_is_hedged_within_what_hedges_may_cost(asking):
    slow = [False]

    def rule(_):
        return Reply(TEXT, tokens=Tokens(20, 30), first_pause=60.0 if slow[0] else 0.0)

    hedge = Hedge(quantile=0.9, spend=0.2, least=1)
    with fakes(rule, [WELL]) as servers:
        async with asking(*servers, hedge=hedge, timeouts=ModelTimeouts()) as me:
            for _ in range(40):
                await me.stream(max_tokens=100)
            assert not servers[1].requests
            slow[0] = True
            assert await me.stream(max_tokens=100) == TEXT
            assert me.outcomes == [("m0", "first", "cancelled"), ("m1", "hedge", "ok")]
            lost = me.record.attempts[0]
            assert 0 < lost.nano_usd < COST, "it is charged for what it had used"
            assert me.record.nano_usd == lost.nano_usd + COST
            await until(lambda: servers[0].requests[-1].abandoned)
            assert me.gateway.status()["models"]["m0"]["in_flight"] == 0
            whole = sum(record.nano_usd for record in me.records)
            losses = sum(each.nano_usd for r in me.records for each in r.attempts if each.outcome == "cancelled")
            assert losses <= 0.2 * whole


async def test_a_hedge_that_may_cost_nothing_is_not_made(asking):
    def rule(_):
        return Reply(TEXT, first_pause=0.2 if len(servers[0].requests) > 30 else 0.0)

    with fakes(rule, [WELL]) as servers:
        async with asking(*servers, hedge=Hedge(spend=0, least=0.05), timeouts=ModelTimeouts()) as me:
            for _ in range(32):
                await me.stream()
            assert not servers[1].requests


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cheap_answer_is_kept_when_it_passes_and_escalated_when_not(asking, stream):
    replies = [Reply("I'm sorry, I can't help with that.")]
    declared = {"strategy": "cascade", "cascade": Cascade(), "timeouts": ModelTimeouts()}
    with fakes(lambda _: replies[0], [WELL]) as servers:
        async with asking(*servers, **declared) as me:

            async def ask():
                return await me.stream() if stream else (await me.complete()).text

            assert await ask() == TEXT
            assert me.outcomes == [("m0", "first", "failed:no_refusal"), ("m1", "escalation", "ok")]
            assert me.record.nano_usd > COST, "both are paid for"
            replies[0] = Reply("Ten days.")
            assert await ask() == "Ten days."
            assert me.outcomes == [("m0", "first", "ok")]
            assert me.record.finish == "stop"
            replies[0] = Reply("down", status=503)
            assert await ask() == TEXT
            assert me.outcomes[-1] == ("m1", "escalation", "ok")


class Kept:
    """A cache of one answer."""

    def __init__(self):
        self.found = Found("miss")
        self.kept = []
        self.compared = []

    async def find(self, call, route, policy):
        assert call.config
        return self.found

    async def keep(self, call, route, policy, completion):
        self.kept.append(completion)
        self.found = Found("exact", completion)

    async def compare(self, call, route, entry, completion):
        self.compared.append((entry, completion.text))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_given_before_asks_nobody(asking, stream):
    cache = Kept()
    with fakes([WELL]) as [server]:
        async with asking(server, cache=CachePolicy(exact=60), caches=lambda _: cache, budgets=[budget(10**9)]) as me:

            async def ask():
                return await me.stream(max_tokens=99) if stream else (await me.complete(max_tokens=99)).text

            assert await ask() == TEXT
            assert (me.record.cache, [each.text for each in cache.kept]) == ("miss", [TEXT])
            assert await ask() == TEXT
            assert (me.record.cache, me.record.attempts, me.record.finish) == ("exact", [], "stop")
            assert (me.record.nano_usd, me.record.usage.cost_usd, me.record.budgets[0]["settled"]) == (0, 0.0, 0)
            assert len(server.requests) == 1
            cache.found = Found("shadowed", Completion((Text("Twelve."),), "stop", Usage()), "entry-1")
            assert await ask() == TEXT
            assert (me.record.cache, cache.compared) == ("shadowed", [("entry-1", TEXT)])


async def test_the_last_resort_is_free(asking):
    chat = ChatRequest(
        (Message("user", "How many days of leave?"),),
        question="How many days of leave do I get?",
        passages=(Passage(1, "Leave", "You get 20 days of leave. The printer is upstairs."),),
        max_tokens=100,
    )
    with fakes([Reply("down", status=503)]) as servers:
        last = Extractive(HashEmbedder(256))
        async with asking(*servers, budgets=[budget(10**9)], last_resort_model=last) as me:
            assert "20 days" in (await me.gateway.complete(me.own(chat))).text
            assert me.outcomes[-1] == ("extractive:sentences-1", "last_resort", "ok")
            assert me.record.budgets[0]["settled"] == 0
            assert "20 days" in await me.told(me.own(chat, stream=True), [])


async def test_what_broke_off_is_not_kept(asking):
    cache = Kept()
    with fakes([Reply(TEXT, fault="cut", after=60)]) as servers:
        async with asking(*servers, cache=CachePolicy(exact=60), caches=lambda _: cache) as me:
            with pytest.raises(StreamTruncated):
                await me.stream()
    assert not cache.kept


async def test_vectors_and_ranks_are_routed_and_paid_for_too(asking):
    with fakes([Reply("down", status=503)], [Reply()]) as servers:
        async with asking(*servers, budgets=[budget(10**9)], provider={"breaker": Breaker(failures=99)}) as me:
            call = me.call()
            call.operation = "embeddings"
            embeddings = await me.gateway.embed(call, EmbeddingsRequest(("one text", "another")))
            assert len(embeddings.vectors) == 2
            assert me.outcomes[-1] == ("m1", "fallback", "ok")
            assert (me.record.operation, me.record.usage.output_tokens) == ("embeddings", 0)
            assert me.record.nano_usd == me.record.usage.input_tokens * 1_000 == me.record.budgets[0]["settled"]
        kept = config(servers[1].root_url, kinds=("cohere",), model={"rates": RATES})
        me = Caller(Gateway(lambda: kept))
        call = me.call()
        call.operation = "rerank"
        ranked = await me.gateway.rerank(call, RerankRequest("leave days", ("printer", "days of leave"), 1))
        assert [index for index, _ in ranked.results] == [1]
        assert me.record.operation == "rerank"
        await me.gateway.close()


async def test_a_failed_embedding_has_its_type(asking):
    with fakes([Reply("", error="auth")]) as servers:
        async with asking(*servers) as me:
            call = me.call()
            call.operation = "embeddings"
            with pytest.raises(ProviderError):
                await me.gateway.embed(call, EmbeddingsRequest(("one text",)))
            assert me.record.error == "provider-denied"


async def test_tokens_are_counted_without_asking_where_nobody_counts(asking):
    with fakes([WELL]) as servers:
        async with asking(*servers) as me:
            assert 5 < await me.gateway.count_tokens(me.call()) < 50
            assert not me.records
        assert not servers[0].requests
