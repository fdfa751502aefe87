"""Callers who leave, and budgets that end: the provider is stopped, what it used is charged, and nothing passes for whole."""

import asyncio
import contextlib
import json

import aiohttp
import pytest

from aver.gateway.budgets.status import spending
from aver.testing.replies import Reply
from tests.integration.callers import until
from tests.integration.doors import DOORS, PATHS, body, house
from tests.servers import fill

_COSTS = "price: {input: 1, output: 2}, max_output: 4000"
_MEANS = "credential: env:PROVIDER_KEY, breaker: {failures: 100000}"
BUNDLE = f"""
providers:
  openai: {{kind: openai, base_url: ROOT/v1, {_MEANS}}}
  responses: {{kind: responses, base_url: ROOT/v1, {_MEANS}}}
  anthropic: {{kind: anthropic, base_url: ROOT, {_MEANS}}}
  gemini: {{kind: gemini, base_url: ROOT, {_MEANS}}}
models:
  openai: {{provider: openai, {_COSTS}}}
  responses: {{provider: responses, {_COSTS}}}
  anthropic: {{provider: anthropic, {_COSTS}}}
  gemini: {{provider: gemini, {_COSTS}}}
budgets:
  - {{name: money, per: tenant, limit: 10 usd, period: month}}
  - {{name: none, per: feature, of: none, limit: 5 tokens, period: day}}
""" + "".join(
    f"  - {{per: feature, of: {door}-{model}, limit: 1500 tokens, period: month}}\n"
    for door in DOORS
    for model in (door, "gemini")
)
LONG = "Twenty days of leave a year, and ten of them carry over to the next. " * 100


@pytest.fixture(scope="module")
def _home(tmp_path_factory):
    with house(tmp_path_factory.mktemp("leaving"), BUNDLE) as served:
        yield served


@pytest.fixture
def home(_home):
    _home.received.clear()
    return _home


@pytest.fixture(scope="module")
def key(_home):
    return _home.key()


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


@pytest.fixture(params=["same", "gemini"])
def model(request, door):
    return door if request.param == "same" else request.param


async def leave(home, key, door, sent, when):
    """Ask, and close the connection once ``when`` holds of what came so far."""
    came = bytearray()

    async def ask():
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                home.served.url + PATHS[door], json=sent, headers={"Authorization": f"Bearer {key}"}
            ) as response,
        ):
            async for chunk in response.content.iter_any():
                came.extend(chunk)

    asking = asyncio.create_task(ask())
    await until(lambda: when(came) or asking.done())
    assert not asking.done()
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    return bytes(came)


async def settled(home, before):
    """The facts of the one call since ``before``, once it is on record and its budget is settled to the last nano-dollar."""
    await until(lambda: len(home.calls()) > before)
    (call,) = home.calls()[before:]

    def money():
        grants = home.application.tenant("northwind").grants
        (budget,) = [each for each in spending(grants, home.application.clock.now()) if each.budget == "money"]
        return budget

    await until(lambda: money().reserved == 0)
    assert money().used == sum(step.facts["nano_usd"] for step in home.calls())
    return call.facts


async def test_a_caller_who_leaves_a_stream_stops_the_provider_and_pays_for_what_was_written(home, key, door, model):
    home.reply = Reply(LONG, pause=0.01)
    before = len(home.calls())
    came = await leave(home, key, door, body(door, model, stream=True), lambda came: b"leave" in came)
    await until(lambda: home.received[0].abandoned)
    assert len(came) < len(LONG)
    facts = await settled(home, before)
    assert (facts["error"], facts["streamed"], facts["attempts"]) == ("cancelled", True, 1)
    assert facts["input_tokens"] > 0
    assert 0 < facts["output_tokens"] < 4000
    assert facts["nano_usd"] == facts["input_tokens"] * 1000 + facts["output_tokens"] * 2000


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_while_waiting_stops_the_provider_and_pays_for_what_was_read(
    home, key, door, model, stream
):
    home.reply = Reply("Twenty days.", first_pause=60)
    before = len(home.calls())
    await leave(home, key, door, body(door, model, stream=stream), lambda _: home.received)
    await until(lambda: home.received[0].abandoned)
    facts = await settled(home, before)
    assert (facts["error"], facts["streamed"], facts["attempts"]) == ("cancelled", stream, 1)
    assert facts["input_tokens"] > 0
    assert facts["nano_usd"] == facts["input_tokens"] * 1000


@pytest.fixture(scope="module")
def reader(_home, tmp_path_factory):
    """The key of somebody with documents."""
    fill(_home.application, tmp_path_factory.mktemp("handbook"), "library")
    return _home.key("library")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_the_assistant_stops_its_model(home, reader, door, stream):
    home.reply = Reply(LONG, pause=0.01)
    before = len(home.calls("library"))
    question = "How many weeks is parental leave at full pay?"
    await leave(home, reader, door, body(door, "assistant", question, stream=stream), lambda _: home.received)
    await until(lambda: home.received[0].abandoned)
    await until(lambda: len(home.calls("library")) > before)
    (call,) = home.calls("library")[before:]
    assert call.facts["error"] == "cancelled"
    assert call.facts["nano_usd"] > 0
    steps = home.application.tenant("library").ledger.turn(call.turn)
    assert steps[-1].kind == "failed", [step.kind for step in steps]


async def test_a_budget_that_ends_within_a_stream_ends_the_stream_with_an_error(home, key, door, model):
    home.reply = Reply(LONG, pause=0.001)
    before = len(home.calls())
    limit = "max_output_tokens" if door == "responses" else "max_tokens"
    async with home.asking(key) as ask:
        answer = await ask(PATHS[door], body(door, model, stream=True) | {limit: 50}, x_aver_feature=f"{door}-{model}")
    assert answer.status == 200
    assert b"leave" in answer.raw
    assert b"[DONE]" not in answer.raw
    assert b"message_stop" not in answer.raw
    assert b"response.completed" not in answer.raw
    last = [json.loads(line[6:]) for line in answer.raw.splitlines() if line.startswith(b"data: {")][-1]
    said = json.dumps(last)
    assert "budget" in said
    await until(lambda: home.received[0].abandoned)
    facts = await settled(home, before)
    assert facts["error"] == "budget-exceeded"
    assert facts["output_tokens"] > 50


async def test_what_does_not_fit_is_refused_with_when_to_come_again(home, key, door):
    for stream in (False, True):
        async with home.asking(key) as ask:
            answer = await ask(PATHS[door], body(door, door, stream=stream), x_aver_feature="none")
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 86_400
        assert "'none'" in answer.error(door)
    assert not home.received


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/embeddings", {"model": "openai", "input": "leave"}),
        ("/v1/rerank", {"model": "openai", "query": "leave", "documents": ["leave"]}),
    ],
)
async def test_a_caller_who_leaves_while_vectors_are_made_stops_the_provider(home, key, path, sent, monkeypatch):
    home.reply = Reply(first_pause=60)
    monkeypatch.setitem(PATHS, "vectors", path)
    before = len(home.calls())
    if path == "/v1/rerank":
        async with home.asking(key) as ask:
            answer = await ask(path, sent)
        assert answer.status in (400, 404, 422, 501)  # OpenAI ranks nothing
        answer.error("openai")
        return
    await leave(home, key, "vectors", sent, lambda _: home.received)
    await until(lambda: home.received[0].abandoned)
    assert (await settled(home, before))["error"] == "cancelled"
