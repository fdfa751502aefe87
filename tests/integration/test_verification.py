"""Verification over a real handbook: careless models are caught, quotations always hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aver.agents import Answer, Assistant, Release, Released, always
from aver.agents.citing import uncite
from aver.core import Principal, SystemClock
from aver.evidence import Ledger
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.knowledge.service import Knowledge
from aver.store import Store, TenantStore
from aver.testing import HashEmbedder
from aver.testing.careless import CarelessModel
from aver.testing.provider import FakeProvider
from tests.conftest import shared_data
from tests.gateways import config

QUESTIONS = (
    "How do I request leave?",
    "What is the travel policy?",
    "Who approves training?",
    "How are new employees onboarded?",
    "What tools does the team use for chat?",
    "How do I report a security incident?",
    "What are the core working hours?",
    "How does performance review work?",
    "Can I work remotely?",
    "What should be in a blog post?",
    "How do I book a flight?",
    "Who do I ask about benefits?",
)


@dataclass
class House:
    store: TenantStore
    ledger: Ledger
    knowledge: Knowledge
    embedder: HashEmbedder
    ann: Principal

    def gateway(self, declared: GatewayConfig) -> Gateway:
        return Gateway(lambda: declared, last_resort=Extractive(self.embedder))

    def assistant(self, gateway: Gateway, model: str) -> Assistant:
        release = Release(model=model, embedder=self.embedder.name)
        lend = always(Released(release, gateway))
        return Assistant(self.store, self.ledger, self.knowledge, SystemClock(), self.embedder, lend)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    pages: Path = max(shared_data("handbook-18f").iterdir())
    clock = SystemClock()
    installation = Store(tmp_path_factory.mktemp("data"))
    tenant = installation.create_tenant("handbook")
    store = installation.tenant("handbook")
    ledger, embedder = Ledger(store, clock), HashEmbedder(256)
    knowledge = Knowledge(store, ledger, embedder, clock)
    knowledge.ingest(FolderSource(pages, "handbook"), AccessList.everyone())
    yield House(store, ledger, knowledge, embedder, Principal(tenant.id, "ann"))
    knowledge.close()
    installation.close()


def check(house: House, answer: Answer) -> None:
    for each in answer.citations:
        text = house.knowledge.document(house.ann, each.document, each.version).text
        assert text[each.start : each.end] == each.quote
    for sentence in answer.sentences:
        assert sentence.supported == bool(sentence.citations)
    assert answer.abstained == (not answer.sentences)


async def test_a_careless_model_is_caught(house: House) -> None:
    """Every slip is marked or dropped; what was right, word for word, is shown as supported."""
    careless = CarelessModel(seed=5)
    verdicts: dict[str, list[bool]] = {}
    with FakeProvider(careless) as server:
        gateway = house.gateway(config(server.base_url))
        assistant = house.assistant(gateway, "r")
        for question in QUESTIONS:
            written = len(careless.written)
            answer = await assistant.ask(house.ann, question)
            check(house, answer)
            shown = {each.text: each.supported for each in answer.sentences}
            for each in careless.written[written:]:
                verdicts.setdefault(each.slip, []).append(shown.get(uncite(each.text).text, False))
        await gateway.close()
    for slip in ("no-such-number", "altered-figure", "invented"):
        assert not any(verdicts[slip]), slip
    # Passages repeat each other, so a wrong number may be right by chance.
    assert sum(verdicts["wrong-number"]) <= 0.1 * len(verdicts["wrong-number"])
    # A row of a table runs on to the end of its line and is judged as a whole.
    for slip in ("none", "uncited"):
        assert sum(verdicts[slip]) >= 0.8 * len(verdicts[slip]), slip


async def test_extractive_answers_are_verified_quotations(house: House) -> None:
    assistant = house.assistant(house.gateway(GatewayConfig()), Extractive.name)
    answers = [await assistant.ask(house.ann, question) for question in QUESTIONS]
    for answer in answers:
        assert answer.mode == "extractive"
        check(house, answer)
        assert all(sentence.supported for sentence in answer.sentences)
    assert not all(answer.abstained for answer in answers)
