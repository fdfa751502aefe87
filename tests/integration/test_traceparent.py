"""A caller's trace goes on in Aver, through every door, as a real receiver gets it; and what a caller sends decides nothing else."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from aver.core.settings import TelemetrySettings
from aver.evidence.telemetry import exporter, service
from aver.evidence.telemetry.traces import trace_id
from aver.testing.replies import Reply
from tests.integration.callers import until
from tests.integration.doors import DOORS, PATHS, body, house
from tests.integration.test_doors_coalescing import Gate, waiting
from tests.receiver import plain, receiving

SPAN = "00f067aa0ba902b7"
JSON = {"content_type": "application/json"}
BUNDLE = """
unknown_price: highest
feature: {model: extractive}
providers:
  p: {kind: openai, base_url: ROOT/v1, credential: env:PROVIDER_KEY}
  c: {kind: cohere, base_url: ROOT, credential: env:PROVIDER_KEY}
models:
  m: {provider: p, capabilities: [tools]}
  vectors: {provider: p, capabilities: [embeddings]}
  ranks: {provider: c, capabilities: [rerank]}
routes:
  kept: {models: [m], cache: {exact: 10m}}
  shared: {models: [m], cache: {coalesce: always}}
agents:
  helper: {about: Helps., model: m, instructions: Be brief., groups: [staff]}
"""
CALLS = [
    *((PATHS[door], body(door, model)) for door in DOORS for model in ("m", "assistant", "helper")),
    (PATHS["openai"], body("openai", "m", stream=True)),
    (PATHS["openai"], body("openai", "assistant", stream=True)),
    (PATHS["openai"], body("openai", "kept")),
    (PATHS["openai"], body("openai", "kept")),
    ("/v1/embeddings", {"model": "vectors", "input": "x"}),
    ("/v1/rerank", {"model": "ranks", "query": "x", "documents": ["y"]}),
    ("/v1/ask", {"question": "How many days?"}),
    ("/v1/ask", {"question": "How many days?", "stream": True}),
    ("/v1/agents/turns", {"agent": "helper", "task": "Help"}),
    ("/v1/agents/turns", {"agent": "helper", "task": "Help", "stream": True}),
]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory, receiver):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporter, "_LINGER", 0.01)
        patch.setattr(service, "_EVERY", 0.01)
        telemetry = TelemetrySettings(endpoint=receiver.url, signals=("traces",))
        with house(tmp_path_factory.mktemp("home"), BUNDLE, telemetry=telemetry) as served:
            yield served


def fresh(sampled="01"):
    """A trace that nobody is in yet, as a header and as bytes."""
    trace = f"{next(_numbers):032x}"
    return f"00-{trace}-{SPAN}-{sampled}", bytes.fromhex(trace)


def whole(spans):
    """Whether a turn or a call is all there: its own span comes last."""
    return any("aver.turn.id" in plain(span.attributes) for span in spans)


async def test_each_door_goes_on_with_its_callers_trace(home, receiver):
    async with home.asking(home.key(groups=("staff",))) as ask:
        for path, sent in CALLS:
            header, trace = fresh()
            answer = await ask(path, sent, traceparent=header, tracestate="vendor=opaque", **JSON)
            assert answer.status == 200, (path, sent, answer)
            receiver.wait(lambda trace=trace: whole(s for s in receiver.spans() if s.trace_id == trace))
            spans = [span for span in receiver.spans() if span.trace_id == trace]
            (top,) = [span for span in spans if "aver.turn.id" in plain(span.attributes)]
            assert top.parent_span_id.hex() == SPAN, (path, sent)
            assert {span.parent_span_id for span in spans if span is not top} <= {top.span_id}
            turn = plain(top.attributes)["aver.turn.id"]
            services = home.application.tenant("northwind")
            services.outbox.settle()
            steps = services.ledger.turn(turn)
            assert [step.facts["traceparent"] for step in steps if "traceparent" in step.facts] == [header] * (
                1 + sum(step.kind == "resumed" for step in steps)
            ), [step.kind for step in steps]
    assert services.ledger.verify().ok


async def test_one_call_for_several_is_in_the_trace_of_each(home, receiver):
    headers = [fresh() for _ in range(2)]
    well, home.reply = home.reply, (gate := Gate(home.reply))
    try:
        async with home.asking() as ask:
            sent = body("openai", "shared")
            asking = [asyncio.create_task(ask(PATHS["openai"], sent, traceparent=header)) for header, _ in headers]
            await until(lambda: waiting(home) == 2)
            gate.open()
            assert [answer.status for answer in await asyncio.gather(*asking)] == [200, 200]
    finally:
        gate.open()
        home.reply = well
    for _, trace in headers:
        receiver.wait(lambda trace=trace: whole(s for s in receiver.spans() if s.trace_id == trace))
    shared = [step.facts["shared"] for step in home.calls() if step.facts["shared"]]
    assert len(shared) == 2
    assert len({*shared}) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{'4' * 32}-{'0' * 16}-01",
        f"ff-{'4' * 32}-{SPAN}-01",
        f"00-{'4' * 32}-{SPAN}-01{'0' * 4000}",
        f"00-{'4A' * 16}-{SPAN}-01",
    ],
)
async def test_what_is_no_trace_is_as_if_it_had_not_been_sent(home, receiver, header):
    async with home.asking() as ask:
        for path, sent in ((PATHS["openai"], body("openai", "m")), ("/v1/ask", {"question": "How many days?"})):
            answer = await ask(path, sent, traceparent=header, tracestate="a" * 600, **JSON)
            assert answer.status == 200
            turn = answer.json["turn"] if path == "/v1/ask" else answer.headers["x-request-id"]
            receiver.wait(lambda turn=turn: any(each.trace_id == trace_id(turn) for each in receiver.spans()))
            (top,) = [
                span
                for span in receiver.spans()
                if span.trace_id == trace_id(turn) and "aver.turn.id" in plain(span.attributes)
            ]
            assert not top.parent_span_id


async def test_a_caller_that_samples_nothing_hides_no_failure_and_no_evidence(home, receiver):
    quiet, silent = fresh("00")
    loud, seen = fresh("00")
    async with home.asking() as ask:
        answer = await ask(PATHS["openai"], body("openai", "m"), traceparent=quiet)
        home.reply = Reply("no", status=400)
        try:
            failed = await ask(PATHS["openai"], body("openai", "m"), traceparent=loud)
        finally:
            home.reply = Reply("Twenty days.")
    assert (answer.status, failed.status) == (200, 400)
    receiver.wait(lambda: any(span.trace_id == seen for span in receiver.spans()))
    assert silent not in {span.trace_id for span in receiver.spans()}
    by_call = {step.turn: step for step in home.calls()}
    assert by_call[answer.headers["x-request-id"]].facts["traceparent"] == quiet
