"""Passages ordered anew over real HTTP: by a reranking model, by a chat model, and by nobody when that is late or fails."""

from __future__ import annotations

import pytest

from aver.agents import Answer, Assistant, Release, Released, always
from aver.agents.reranking import ChatReranker, RouteReranker
from aver.core import Principal
from aver.core.errors import MissingExtra
from aver.core.settings import ModelTimeouts, Settings
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import Arm, GatewayConfig, Retries, Route
from aver.gateway.prices.types import Rates
from aver.gateway.service import Gateway
from aver.knowledge.adapters.cross_encoder import CrossEncoderReranker
from aver.knowledge.reranking import rerank
from aver.server.ordering import reranker, reranker_name, rewriter_name
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import config
from tests.knowledge import World, open_world

PAGES = {f"{n}.md": f"# Page {n}\n\nThe travel card number {n} pays for trains." for n in range(4)}
SLOW = ModelTimeouts(connect=2, first_token=20, stall=20, total=20)


@pytest.fixture
def acme(tmp_path) -> World:
    opened = open_world(tmp_path / "data")
    opened.ingest(PAGES)
    return opened


def declared(url: str, kind: str, name: str) -> GatewayConfig:
    made = config(url, kinds=[kind], timeouts=SLOW, model={"rates": Rates(1, 1)})
    return GatewayConfig(made.providers, made.models, {name: Route(name, (Arm("m0"),), retries=Retries(attempts=1))})


async def ask(acme: World, settled: GatewayConfig, patience: float = 20.0, rewriter: str = "") -> tuple[Answer, dict]:
    """The answer of an extractive turn that is reranked as declared, and the facts of what it retrieved."""
    embedder = acme.knowledge._embedders.default
    gateway = Gateway(lambda: settled, last_resort=Extractive(embedder))
    release = Release(
        Extractive.name,
        embedder.name,
        reranker=reranker_name(Settings(), settled),
        rewriter=rewriter,
        patience=patience,
    )
    make = reranker(Settings(), settled, lambda: gateway)
    lend = always(Released(release, gateway, make))
    parts = acme.store, acme.ledger, acme.knowledge, acme.clock, embedder, lend
    try:
        answer = await Assistant(*parts).ask(
            Principal(acme.store.tenant.id, "ada"), "Which travel card pays for trains?"
        )
    finally:
        await gateway.close()
    (step,) = [step for step in acme.ledger.turn(answer.turn) if step.kind == "retrieved"]
    return answer, dict(step.facts)


def _before(acme: World) -> list[str]:
    hits = acme.knowledge.find(acme.user("ada"), ["Which travel card pays for trains?"], 24)
    return [hit.passage for hit in hits]


async def test_a_reranking_model_decides_the_order(acme):
    ranking = ((3, 0.9), (1, 0.5), (0, 0.2))
    with FakeProvider([Reply(ranking=ranking)]) as server:
        answer, facts = await ask(acme, declared(server.root_url, "cohere", "rerank"))
    before = _before(acme)
    assert facts["rerank"] == "done"
    assert facts["hits"] == [before[3], before[1], before[0], before[2]]
    called = [step.facts for step in acme.ledger.turn(answer.turn) if step.kind == "called"]
    assert called[0]["operation"] == "rerank"


async def test_a_chat_model_is_asked_for_the_order(acme):
    with FakeProvider([Reply("Here it is: [2, 4, 2, 99]")]) as server:
        _, facts = await ask(acme, declared(server.base_url, "openai", "rerank"))
    before = _before(acme)
    assert facts["rerank"] == "done"
    assert facts["hits"] == [before[1], before[3], before[0], before[2]]


@pytest.mark.parametrize(
    ("reply", "outcome", "patience"),
    [
        (Reply(fault="stall"), "deadline", 0.5),
        (Reply("I cannot order these."), "failed", 20),
        (Reply("Down", status=500), "failed", 20),
    ],
)
async def test_what_is_late_or_fails_leaves_the_order_and_the_turn_says_so(acme, reply, outcome, patience):
    with FakeProvider([reply]) as server:
        answer, facts = await ask(acme, declared(server.base_url, "openai", "rerank"), patience)
    assert facts["rerank"] == outcome
    assert facts["hits"] == _before(acme)[:8]
    assert acme.ledger.turn(answer.turn)[-1].kind == "sealed"


async def test_a_model_words_the_question_in_other_ways(acme):
    acme.ingest(PAGES | {"bahn.md": "# Bahn\n\nRailway fares are on the blue plastic."})
    with FakeProvider([Reply('["railway fares plastic", 7]')]) as server:
        answer, facts = await ask(acme, declared(server.base_url, "openai", "queries"), rewriter="queries")
    assert (facts["reworded"], facts["rerank"]) == ("done", "none")
    (body,) = [step.body for step in acme.ledger.turn(answer.turn) if step.kind == "retrieved"]
    assert list(body["wordings"]) == ["railway fares plastic"]
    with FakeProvider([Reply("No.")]) as server:
        _, facts = await ask(acme, declared(server.base_url, "openai", "queries"), rewriter="queries")
    assert facts["reworded"] == "failed"


async def test_a_cross_encoder_that_is_not_installed_says_what_to_install(acme):
    encoder = CrossEncoderReranker("a-model")
    with pytest.raises(MissingExtra, match=r"aver\[rerank\]"):
        await encoder.relevance("trains", ["a", "b"])
    hits = acme.knowledge.search(acme.user("ada"), "trains")
    assert await rerank(hits, "trains", encoder, 20) == (hits, "failed")


def test_who_reranks_is_what_is_declared():
    def call(model: str, chat: object) -> object:
        raise AssertionError

    cohere, chat = declared("http://a", "cohere", "rerank"), declared("http://a", "openai", "rerank")
    none = declared("http://a", "openai", "queries")
    own = Settings(reranker="models/mini")
    assert isinstance(reranker(own, cohere, lambda: None)(call), RouteReranker)
    assert isinstance(reranker(own, chat, lambda: None)(call), ChatReranker)
    assert isinstance(reranker(own, none, lambda: None)(call), CrossEncoderReranker)
    assert reranker(Settings(), none, lambda: None) is None
    assert (reranker_name(own, none), rewriter_name(none), rewriter_name(cohere)) == (
        "cross-encoder:models/mini",
        "queries",
        "",
    )
