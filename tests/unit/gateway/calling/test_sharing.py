"""One call for several callers: who shares, and that whoever comes, leaves or is refused, it is asked once and paid for once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core import Principal
from aver.core.errors import AverError, LimitReached, ProviderError, StreamTruncated
from aver.core.labels import Label
from aver.gateway import Gateway
from aver.gateway.budgets.types import Amount
from aver.gateway.calling.sharing import sharing_key
from aver.gateway.config.types import Budget, CachePolicy, Retries
from aver.gateway.prices.types import Rates
from aver.gateway.types import ChatRequest, Message
from tests.gateways import Caller, config

RATES = Rates(1_000_000_000, 10_000_000_000)
WORDS = ["Ten days of unused leave ", "carry over to the next year, ", "and must be used by the end of March."]
TEXT = "".join(WORDS)
USAGE = {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}
COST = 20 * 1_000 + 30 * 10_000
ENDLESS = Amount(10**6, 10**12, 10**15)


def declared(policy="always", **more):
    return config("http://a.invalid/v1", "http://b.invalid/v1", cache=CachePolicy(coalesce=policy), **more)


def key(policy="always", *, streamed=False, configuration=None, call=None, **more):
    """The sharing key of a request with ``more`` in its body, by a caller changed as ``call`` says."""
    made = replace(Caller(None).call(**more), **(call or {}))
    return sharing_key(configuration or declared(policy), made, streamed=streamed)


def test_only_what_a_route_allows_is_shared():
    assert key("never", temperature=0) is None
    assert key("deterministic") is None
    assert key("deterministic", temperature=0.2) is None
    assert key("deterministic", temperature=0) is not None
    assert key("deterministic", temperature=1, seed=7) is not None
    assert key("always") is not None
    assert key(call={"model": "m0"}) is None  # a model by its own name has no policy
    assert key(call={"no_store": True}) is None


def test_only_equal_requests_of_the_same_caller_share():
    assert key(temperature=0) == key(temperature=0)
    own = [
        key(temperature=0),
        key(temperature=0, streamed=True),
        key(temperature=0.0),  # to the letter
        key(temperature=0, prompt="How many days of leave"),
        key(temperature=0, configuration=declared("deterministic")),
        *(
            key(temperature=0, call=call)
            for call in (
                {"principal": Principal("tenant_northwind", "bo")},
                {"principal": Principal("tenant_northwind", "ann", frozenset({"board"}))},
                {"principal": Principal("tenant_fabrikam", "ann")},
                {"key": "key_2"},
                {"feature": "summaries"},
                {"release": "0" * 64},
                {"documents": frozenset({"leave@2"})},
                {"family": "anthropic"},
                {"labels": {"caller": Label("restricted")}},
            )
        ),
    ]
    assert len(set(own)) == len(own)


def test_avers_own_requests_share_too():
    def own(text, **more):
        chat = ChatRequest((Message("user", text),), **more)
        return sharing_key(declared("deterministic"), Caller(None).own(chat), streamed=False)

    assert own("Leave?") is None
    assert own("Leave?", temperature=0.0) == own("Leave?", temperature=0.0) is not None
    assert own("Leave?", temperature=0.0) != own("Leave!", temperature=0.0)


def test_what_cannot_be_written_down_is_not_shared():
    assert key(prompt="a", note=2**70) is None


class Wire:
    """A provider within this event loop, which does nothing unless it is told to. Counts who is asked at once."""

    def __init__(self):
        self.open = []
        self.most = {True: 0, False: 0}
        self.posts = self.whole = 0

    async def post(self, request, waits, connect):
        streamed = bool(json.loads(request.body).get("stream"))
        self.posts += 1
        exchange = Exchange(self, streamed)
        self.open.append(exchange)
        self.most[streamed] = max(self.most[streamed], sum(each.streamed == streamed for each in self.open))
        try:
            await exchange.turn()
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def close(self):
        assert not self.open


class Exchange:
    """One reply, a piece each time it is let."""

    status = 200
    headers = {}  # noqa: RUF012 - a response has them

    def __init__(self, wire, streamed):
        self._wire = wire
        self.streamed = streamed
        self.kind = "text/event-stream" if streamed else "application/json"
        self.steps = 0
        self.broken = False
        self._told = asyncio.Event()
        self._pieces = events() if streamed else [json.dumps(whole()).encode()]

    def tell(self, *, breaks=False):
        self.steps += 1
        self.broken = self.broken or breaks
        self._told.set()

    async def turn(self):
        while not self.steps:
            self._told.clear()
            await self._told.wait()
        self.steps -= 1
        if self.broken:
            raise ProviderError("It broke", "Ask again.")

    async def read(self):
        try:
            await self.turn()
        except ProviderError as error:
            raise StreamTruncated("It broke off", "Ask again.") from error
        return self._pieces.pop(0) if self._pieces else b""

    async def body(self):
        body = await self.read()
        self.done()
        return body

    async def refusal(self):
        return b""

    def done(self):
        self._wire.whole += self in self._wire.open
        self.close()

    def close(self):
        if self in self._wire.open:
            self._wire.open.remove(self)


def whole():
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "model": "fake", "choices": [choice], "usage": USAGE}


def events():
    chunks = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": USAGE}]
    sent = [b"data: %s\n\n" % json.dumps({"id": "c", "model": "fake", **chunk}).encode() for chunk in chunks]
    return [*sent[:-1], sent[-1] + b"data: [DONE]\n\n"]


class Till:
    """Budgets of one account, which may make a caller wait."""

    def __init__(self, limit):
        self.limit = limit
        self.reserved = self.settled = Amount()

    async def reserve(self, spender, worst):
        await asyncio.sleep(0)
        held = Held(self, Amount())
        if not held.take(worst):
            raise LimitReached("The budget is used up", "Wait.")
        return held


class Held:
    def __init__(self, till, amount):
        self._till = till
        self.amount = amount
        self.budgets = (Budget("all", "tenant", "usd", till.limit.nano_usd, "month"),)
        self._open = True

    def take(self, more):
        till = self._till
        if any(
            total > most for total, most in zip(_sum(till.reserved, till.settled, more), till.limit_parts, strict=True)
        ):
            return False
        till.reserved = Amount(*_sum(till.reserved, more))
        self.amount = Amount(*_sum(self.amount, more))
        return True

    async def extend(self, more):
        return self.take(more)

    def settle(self, used):
        assert self._open
        self._open = False
        self._till.reserved = Amount(
            *(a - b for a, b in zip(_parts(self._till.reserved), _parts(self.amount), strict=True))
        )
        self._till.settled = Amount(*_sum(self._till.settled, used))

    def state(self):
        return []


def _parts(amount):
    return (amount.requests, amount.tokens, amount.nano_usd)


def _sum(*amounts):
    return tuple(map(sum, zip(*map(_parts, amounts), strict=True)))


Till.limit_parts = property(lambda till: _parts(till.limit))


class Crowd:
    """A gateway on a wire, and its callers."""

    def __init__(self, limit=ENDLESS, **more):
        self.wire, self.till = Wire(), Till(limit)
        kept = declared(model={"rates": RATES}, retries=Retries(attempts=1), budgets=[], **more)
        self.gateway = Gateway(lambda: kept, budgets=lambda _: self.till, now=lambda: 0.0, draw=lambda: 0.5)
        self.gateway._transport = self.wire
        self.callers, self.tasks, self.left = [], [], set()

    def come(self, *, streamed):
        me = Caller(self.gateway)
        call = replace(me.call(stream=streamed, max_tokens=100), id=f"call_{len(self.callers)}")
        self.callers.append(me)
        self.tasks.append(asyncio.create_task(self._ask(me, call)))

    async def _ask(self, me, call):
        try:
            if not call.stream:
                return (await self.gateway.complete(call)).text
            return await me.told(call, [])
        finally:
            assert [record.id for record in me.records] == [call.id]

    def leave(self, number):
        if self.tasks and not self.tasks[number % len(self.tasks)].done():
            self.left.add(number % len(self.tasks))
            self.tasks[number % len(self.tasks)].cancel()

    async def rest(self, turns=30):
        for _ in range(turns):
            await asyncio.sleep(0)

    async def finish(self):
        """Everybody who is still there gets what there is."""
        while not all(task.done() for task in self.tasks):
            for exchange in [*self.wire.open]:
                exchange.tell()
            await self.rest(5)
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.gateway.close()
        return results

    @property
    def records(self):
        return [record for me in self.callers for record in me.records]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.booleans()),
        st.tuples(st.just("leave"), st.integers(0, 7)),
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.tuples(st.just("break"), st.just(0)),
        st.tuples(st.just("rest"), st.sampled_from([1, 2, 3, 5, 30])),
    ),
    max_size=30,
)
limits = st.builds(
    Amount, st.sampled_from([0, 1, 2, 10**6]), st.just(10**12), st.sampled_from([0, 2 * COST, 10 * COST, 10**15])
)


@settings(max_examples=400, deadline=None)
@given(moves, st.just(ENDLESS) | limits)
def test_whoever_comes_leaves_or_fails_it_is_asked_once_and_paid_for_once(steps, limit):
    asyncio.run(_play(steps, limit))


async def _play(steps, limit):
    crowd = Crowd(limit)
    for what, how in steps:
        if what == "come":
            crowd.come(streamed=how)
        elif what == "leave":
            crowd.leave(how)
        elif what == "rest":
            await crowd.rest(how)
        elif crowd.wire.open:
            for _ in range(how or 1):
                crowd.wire.open[0].tell(breaks=what == "break")
    results = await crowd.finish()
    wire, till, records = crowd.wire, crowd.till, crowd.records
    assert max(wire.most.values()) <= 1
    for number, result in enumerate(results):
        assert result == TEXT or isinstance(result, AverError) or number in crowd.left, result
    # One record a caller, and every request to the provider on exactly one of them.
    started = [record for record in records if record.attempts or record.cache != "coalesced"]
    assert sum(len(record.attempts) for record in records) == wire.posts
    assert sum(each.outcome == "ok" for record in records for each in record.attempts) == wire.whole
    groups = {record.shared: [each for each in records if each.shared == record.shared] for record in records}
    for shared, group in groups.items():
        paid = [record for record in group if record.attempts]
        assert not shared or len(paid) <= 1
    for record in records:
        if record not in started:
            assert record.cache == "coalesced"
            assert record.shared
            assert record.nano_usd == record.usage.input_tokens == record.usage.output_tokens == 0
        assert record.nano_usd == sum(each.nano_usd for each in record.attempts)
        if not record.error:
            assert record.finish == "stop"
            made = groups[record.shared] if record.shared else [record]
            assert [each.attempts[-1].outcome for each in made if each.attempts] == ["ok"]
    # What the budgets hold in the end is what the records say, and what whole replies cost at least.
    spent = sum(record.nano_usd for record in records)
    assert spent >= wire.whole * COST
    assert till.reserved == Amount()
    assert till.settled.nano_usd == spent
    assert till.settled.tokens == sum(record.usage.input_tokens + record.usage.output_tokens for record in records)
    assert sum(result == TEXT for result in results) <= till.settled.requests <= len(records)


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_first_caller_may_leave_and_who_stays_has_the_cost_on_record(streamed):
    crowd = Crowd()
    for _ in range(3):
        crowd.come(streamed=streamed)
    await crowd.rest()
    crowd.leave(0)
    await crowd.rest()
    (left,) = crowd.records
    assert (left.cache, left.error, left.nano_usd, left.attempts) == ("coalesced", "cancelled", 0, [])
    results = await crowd.finish()
    assert results[1:] == [TEXT, TEXT]
    assert (crowd.wire.posts, crowd.wire.whole) == (1, 1)
    first, second, third = crowd.records
    assert first.shared == second.shared == third.shared != ""
    assert (second.cache, second.error, second.nano_usd) == ("off", "", COST)
    assert (third.cache, third.error, third.nano_usd) == ("coalesced", "", 0)
    assert crowd.till.settled == Amount(3, 50, COST)


@pytest.mark.parametrize("streamed", [False, True])
async def test_when_all_leave_the_last_has_what_was_used_on_record(streamed):
    crowd = Crowd()
    crowd.come(streamed=streamed)
    crowd.come(streamed=streamed)
    await crowd.rest()
    crowd.wire.open[0].tell()
    await crowd.rest()
    crowd.leave(0)
    crowd.leave(1)
    await crowd.rest()
    assert all(task.cancelled() for task in crowd.tasks)
    assert not crowd.wire.open
    first, second = crowd.records
    assert (first.cache, first.error, first.nano_usd) == ("coalesced", "cancelled", 0)
    assert (second.cache, second.error, second.attempts[0].outcome) == ("off", "cancelled", "cancelled")
    assert crowd.till.settled.nano_usd == second.nano_usd > 0


async def test_one_caller_alone_is_recorded_as_if_nothing_were_shared():
    crowd = Crowd()
    crowd.come(streamed=True)
    assert await crowd.finish() == [TEXT]
    (record,) = crowd.records
    assert (record.cache, record.shared, record.nano_usd) == ("off", "", COST)
    assert [each.model for each in record.candidates] == ["m0", "m1"]


async def test_who_is_refused_for_its_own_request_takes_nobody_along():
    crowd = Crowd(ENDLESS._replace(requests=1))
    crowd.come(streamed=True)
    await crowd.rest()
    crowd.come(streamed=True)
    text, refused = await crowd.finish()
    assert text == TEXT
    assert isinstance(refused, LimitReached)
    assert [record.error for record in crowd.records] == ["", "limit-reached"]
    assert crowd.till.settled == Amount(1, 50, COST)


async def test_what_is_refused_is_refused_to_all_and_counts_for_none():
    crowd = Crowd(ENDLESS._replace(nano_usd=COST // 2))
    for _ in range(3):
        crowd.come(streamed=False)
    assert [type(each) for each in await crowd.finish()] == [LimitReached] * 3
    assert [record.error for record in crowd.records] == ["limit-reached"] * 3
    assert crowd.till.settled == Amount()
    assert not crowd.wire.posts


async def test_closing_ends_what_is_shared():
    crowd = Crowd()
    crowd.come(streamed=True)
    crowd.come(streamed=True)
    await crowd.rest()
    await crowd.gateway._coalescer.close()
    assert [each.slug for each in await crowd.finish()] == ["unavailable"] * 2
    assert sorted(len(record.attempts) for record in crowd.records) == [0, 1]
    assert crowd.till.reserved == Amount()
