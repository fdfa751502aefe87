"""Equal requests under way at the same time, through the doors: one request to the provider, one charge, and evidence of everybody."""

import asyncio
import contextlib
import json
import random
import threading
from itertools import count

import aiohttp
import anthropic
import openai
import pytest

from aver.gateway.budgets.status import spending
from aver.gateway.prices.ledger import is_balanced, postings, totals
from aver.gateway.replay import past_call, replay, summary
from aver.server.story import tell
from aver.testing.replies import Reply, Tokens
from tests.integration.callers import until
from tests.integration.doors import DOORS, PATHS, body, house
from tests.servers import fill

_COSTS = "price: {input: 1, output: 2}, max_output: 4000"
_MEANS = (
    "credential: env:PROVIDER_KEY, breaker: {failures: 100000}, timeouts: {first_token: 60s, stall: 60s, total: 120s}"
)
BUNDLE = f"""
providers:
  openai: {{kind: openai, base_url: ROOT/v1, {_MEANS}}}
  responses: {{kind: responses, base_url: ROOT/v1, {_MEANS}}}
  anthropic: {{kind: anthropic, base_url: ROOT, {_MEANS}}}
models:
  to-openai: {{provider: openai, {_COSTS}}}
  to-responses: {{provider: responses, {_COSTS}}}
  to-anthropic: {{provider: anthropic, {_COSTS}}}
routes:
  openai: {{models: [to-openai], cache: {{coalesce: always}}}}
  responses: {{models: [to-responses], cache: {{coalesce: always}}}}
  anthropic: {{models: [to-anthropic], cache: {{coalesce: always}}}}
  careful: {{models: [to-openai], cache: {{coalesce: deterministic}}}}
  assistant: {{models: [to-openai], cache: {{coalesce: always}}}}
budgets:
  - {{name: money, per: tenant, limit: 10 usd, period: month}}
  - {{name: calls, per: user, limit: 1000 requests, period: month}}
"""
TEXT = "Twenty days of leave a year, and ten of them carry over to the next."
TOKENS = Tokens(20, 30)
COST = 20 * 1000 + 30 * 2000
MESSAGES = [{"role": "user", "content": "How many days of leave?"}]


_numbers = count(1)


class Gate:
    """Holds the provider's replies back until it is opened."""

    def __init__(self, reply):
        self._reply = reply
        self._open = threading.Event()

    def __call__(self, received):
        assert self._open.wait(60)
        return self._reply

    def open(self):
        self._open.set()


@pytest.fixture(scope="module")
def _home(tmp_path_factory):
    with house(tmp_path_factory.mktemp("coalescing"), BUNDLE) as served:
        yield served


@pytest.fixture
def home(_home):
    _home.received.clear()
    _home.reply = Reply(TEXT, tokens=TOKENS)
    return _home


@pytest.fixture
def tenant(home):
    """One whose calls are this test's alone."""
    name = f"t{next(_numbers)}"
    home.application.store.create_tenant(name)
    return name


@pytest.fixture
def key(home, tenant):
    return home.key(tenant)


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


def waiting(home):
    """How many callers wait for calls that may be shared."""
    return sum(shared.waiting for shared in list(home.application.gateway._coalescer._under_way.values()))


def used(home, tenant, name="money"):
    """What a budget has spent, once nothing of it is reserved."""
    grants = home.application.tenant(tenant).grants
    (budget,) = [each for each in spending(grants, home.application.clock.now()) if each.budget == name]
    return None if budget.reserved else budget.used


def said(answer):
    """The text of a reply in any door's protocol, streamed or whole."""
    events = [json.loads(line[6:]) for line in answer.raw.splitlines() if line.startswith(b"data: {")]
    pieces = []
    for event in events:
        pieces += [choice["delta"].get("content") or "" for choice in event.get("choices", ())]
        delta = event.get("delta") if event.get("type", "").endswith(".delta") or "delta" in event else None
        pieces.append(delta if isinstance(delta, str) else (delta or {}).get("text", ""))
    return "".join(pieces)


async def asked_by_openai(url, key, *, stream):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        asked = {"model": "openai", "messages": MESSAGES, "temperature": 0}
        if not stream:
            return (await client.chat.completions.create(**asked)).choices[0].message.content
        chunks = await client.chat.completions.create(**asked, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])


async def asked_by_anthropic(url, key, *, stream):
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        asked = {"model": "anthropic", "messages": MESSAGES, "max_tokens": 100}
        if not stream:
            return (await client.messages.create(**asked)).content[0].text
        async with client.messages.stream(**asked) as streamed:
            return "".join([text async for text in streamed.text_stream])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ask", [asked_by_openai, asked_by_anthropic])
async def test_many_equal_calls_are_one_request(home, tenant, key, ask, stream):
    home.reply = gate = Gate(home.reply)
    asking = [asyncio.create_task(ask(home.served.url, key, stream=stream)) for _ in range(6)]
    await until(lambda: waiting(home) == 6)
    gate.open()
    assert await asyncio.gather(*asking) == [TEXT] * 6
    assert len(home.received) == 1
    _one_charge(home, tenant, 6)
    await until(lambda: used(home, tenant) == COST)
    await until(lambda: used(home, tenant, "calls") == 6)


def _one_charge(home, tenant, callers, cost=COST):
    """Evidence of every caller, one of whom has the cost; and everything that is read from it agrees."""
    steps = home.calls(tenant)
    assert len({step.facts["call"] for step in steps}) == callers == len(steps)
    assert len({step.facts["shared"] for step in steps}) == 1
    (made,) = [step for step in steps if step.facts["cache"] == "off"]
    assert (made.facts["nano_usd"], made.facts["attempts"]) == (cost, 1)
    others = [step for step in steps if step is not made]
    for step in others:
        assert (step.facts["cache"], step.facts["nano_usd"], step.facts["attempts"]) == ("coalesced", 0, 0)
        assert step.body["attempts"] == []
    posted = postings(steps)
    assert is_balanced(posted)
    (total,) = totals(posted)
    assert (total.calls, total.nano_usd, total.output_tokens) == (callers, cost, made.facts["output_tokens"])
    sentences = [moment.sentence for moment in tell(others)]
    assert all("one call for several" in sentence for sentence in sentences if "failed" not in sentence)
    past = [past_call(step, tenant) for step in steps]
    found = summary(replay(past, home.application.declared(), home.application.prices))
    assert (found.calls, found.reproduced, found.cached, found.cost_after) == (callers, callers, callers - 1, cost)


async def test_a_streaming_caller_who_came_first_leaves_and_another_goes_on(home, tenant, key, door):
    home.reply = Reply(TEXT * 20, tokens=Tokens(20, 400), pause=0.02)
    sent, cost = body(door, door, stream=True), 20 * 1000 + 400 * 2000
    came, begun = bytearray(), asyncio.Event()

    async def first():
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                home.served.url + PATHS[door], json=sent, headers={"Authorization": f"Bearer {key}"}
            ) as response,
        ):
            async for chunk in response.content.iter_any():
                came.extend(chunk)
                begun.set()

    leaving = asyncio.create_task(first())
    await begun.wait()
    async with home.asking(key) as ask:
        staying = asyncio.create_task(ask(PATHS[door], sent))
        await until(lambda: waiting(home) == 2)
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        await until(lambda: waiting(home) == 1)
        answer = await staying
    assert said(answer) == TEXT * 20
    assert answer.raw.startswith(came[:40])
    (received,) = home.received
    assert not received.abandoned
    _one_charge(home, tenant, 2, cost)
    left, stayed = home.calls(tenant)
    assert (left.facts["cache"], left.facts["error"]) == ("coalesced", "cancelled")
    assert (stayed.facts["cache"], stayed.facts["error"], stayed.facts["finish"]) == ("off", None, "stop")
    assert stayed.facts["call"] == answer.headers["x-request-id"]
    await until(lambda: used(home, tenant) == cost)


@pytest.mark.parametrize("stream", [False, True])
async def test_when_all_leave_the_provider_is_stopped_and_what_it_used_is_charged_once(home, tenant, key, door, stream):
    home.reply = Reply(TEXT, first_pause=60)
    sent = body(door, door, stream=stream)
    async with home.asking(key) as ask, home.asking(key) as other:
        asking = [asyncio.create_task(each(PATHS[door], sent)) for each in (ask, other)]
        await until(lambda: waiting(home) == 2)
        await until(lambda: home.received)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    (received,) = home.received
    await until(lambda: received.abandoned)
    await until(lambda: len(home.calls(tenant)) == 2)
    first, last = home.calls(tenant)
    assert [step.facts["error"] for step in (first, last)] == ["cancelled"] * 2
    assert (first.facts["cache"], first.facts["nano_usd"]) == ("coalesced", 0)
    assert (last.facts["cache"], last.facts["attempts"]) == ("off", 1)
    await until(lambda: used(home, tenant) == last.facts["nano_usd"] > 0)


async def test_a_failure_reaches_all_in_the_shape_of_the_door(home, tenant, key, door):
    home.reply = gate = Gate(Reply(status=400, text="That is no request."))
    async with home.asking(key) as ask:
        asking = [asyncio.create_task(ask(PATHS[door], body(door, door))) for _ in range(3)]
        await until(lambda: waiting(home) == 3)
        gate.open()
        answers = await asyncio.gather(*asking)
    assert len(home.received) == 1
    assert {answer.error(door) for answer in answers} == {answers[0].error(door)}
    steps = home.calls(tenant)
    assert {step.facts["error"] for step in steps} == {"request-rejected"}
    assert sorted(step.facts["attempts"] for step in steps) == [0, 0, 1]


async def test_nothing_is_shared_between_people_features_or_what_is_left_to_chance(home, tenant, key):
    home.reply = gate = Gate(home.reply)
    ann, bo = key, home.key(tenant, "bo")
    own = [
        (ann, body("openai", "openai"), {}),
        (bo, body("openai", "openai"), {}),
        (home.key(tenant), body("openai", "openai"), {}),  # another key may have other budgets
        (ann, body("openai", "openai"), {"x_aver_feature": "summaries"}),
        (ann, body("openai", "openai", stream=True), {}),
        (ann, body("openai", "openai", n=1), {}),
        (ann, body("openai", "openai"), {"cache_control": "no-store"}),
        (ann, body("openai", "openai"), {"cache_control": "no-store"}),
        (ann, body("openai", "to-openai"), {}),
        (ann, body("openai", "to-openai"), {}),
        (ann, body("openai", "careful"), {}),
        (ann, body("openai", "careful"), {}),
    ]
    async with home.asking(key) as ask:
        asking = [
            asyncio.create_task(ask(PATHS["openai"], sent, authorization=f"Bearer {who}", **headers))
            for who, sent, headers in own
        ]
        await until(lambda: waiting(home) == 6)
        gate.open()
        assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert len(home.received) == len(own)
    assert {step.facts["cache"] for step in home.calls(tenant)} == {"off"}


@pytest.mark.parametrize("seed", range(2))
async def test_callers_who_come_and_leave_as_they_like_are_charged_what_was_asked(home, tenant, key, door, seed):
    draw = random.Random(seed)
    home.reply = lambda _: Reply(TEXT, tokens=TOKENS, first_pause=0.05, pause=0.005)
    plans = [(draw.random() * 0.5, draw.random() < 0.5, draw.choice([None, draw.random() * 0.3])) for _ in range(16)]

    async def one(ask, after, stream, patience):
        await asyncio.sleep(after)
        async with asyncio.timeout(patience):
            return await ask(PATHS[door], body(door, door, stream=stream))

    async with contextlib.AsyncExitStack() as stack:
        asks = [await stack.enter_async_context(home.asking(key)) for _ in plans]
        got = await asyncio.gather(
            *(one(ask, *plan) for ask, plan in zip(asks, plans, strict=True)), return_exceptions=True
        )
    for answer, (_, _, patience) in zip(got, plans, strict=True):
        assert patience is not None or (answer.status == 200 and b"leave" in answer.raw)
    await until(lambda: not waiting(home))
    steps = home.calls(tenant)
    attempts = [each for step in steps for each in step.body["attempts"]]
    assert len(steps) <= len(plans)  # who left before the request was read is nobody's call
    assert len(home.received) <= len(attempts) < len(plans)
    assert sum(each["outcome"] == "ok" for each in attempts) * COST <= sum(step.facts["nano_usd"] for step in steps)
    assert sum(each["nano_usd"] for each in attempts) == sum(step.facts["nano_usd"] for step in steps)
    by_call = {}
    for step in steps:
        if step.facts["shared"]:
            by_call.setdefault(step.facts["shared"], []).append(step.facts["attempts"])
    assert all(sum(map(bool, counts)) <= 1 for counts in by_call.values())
    await until(lambda: used(home, tenant) == sum(step.facts["nano_usd"] for step in steps))


async def test_one_person_who_asks_the_assistant_again_and_again_has_turns_of_its_own(home, tmp_path):
    fill(home.application, tmp_path / "handbook", "library")
    home.reply = gate = Gate(Reply("Parental leave is sixteen weeks at full pay. [1]", tokens=TOKENS))
    sent, key = (
        body("openai", "assistant", "How many weeks is parental leave at full pay?", stream=True),
        home.key("library"),
    )
    async with home.asking(key) as ask, home.asking(key) as leaver:
        leaving = asyncio.create_task(leaver(PATHS["openai"], sent))
        await until(lambda: waiting(home) == 1)
        asking = [asyncio.create_task(ask(PATHS["openai"], sent)) for _ in range(2)]
        await until(lambda: waiting(home) == 3)
        leaving.cancel()
        await until(lambda: waiting(home) == 2)
        gate.open()
        answers = await asyncio.gather(*asking)
    assert len(home.received) == 1
    assert said(answers[0]) == said(answers[1]) != ""
    await until(lambda: len(home.calls("library")) == 3)
    steps = home.calls("library")
    assert sorted(step.facts["attempts"] for step in steps) == [0, 0, 1]
    assert [step.facts["cache"] for step in steps if step.facts["nano_usd"]] == ["off"]
    ledger = home.application.tenant("library").ledger
    ends = {step.turn: ledger.turn(step.turn)[-1] for step in steps}
    assert sorted(end.kind for end in ends.values()) == ["failed", "sealed", "sealed"]
    (left,) = [step for step in steps if ends[step.turn].kind == "failed"]
    assert (left.facts["cache"], left.facts["error"], left.facts["nano_usd"]) == ("coalesced", "cancelled", 0)
    await until(lambda: used(home, "library") == sum(step.facts["nano_usd"] for step in steps) > 0)
