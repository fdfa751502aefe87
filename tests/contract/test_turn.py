"""The turn and its conversations, on each engine a store can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from aver.agents import Assistant, Release, Released, always
from aver.core import Principal
from aver.core.errors import NotFound
from aver.evidence import Ledger
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.knowledge.service import Knowledge
from aver.store import Store
from aver.testing import FixedClock, HashEmbedder

PAGE = (
    "# Leave policy\n\nUp to ten days of unused leave carry over to the next year. Contractors do not get paid leave.\n"
)
QUESTION = "How many days of unused leave carry over to the next year?"


async def test_two_tenants_ask_continue_read_and_erase(store: Store, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "leave.md").write_text(PAGE)
    clock, embedder = FixedClock(), HashEmbedder(256)
    opened = []
    for name in ("northwind", "contoso"):
        tenant = store.create_tenant(name)
        entered = store.tenant(name)
        ledger = Ledger(entered, clock)
        knowledge = Knowledge(entered, ledger, embedder, clock)
        knowledge.ingest(FolderSource(pages, "pages"), AccessList.everyone())
        extractive = Extractive(embedder)
        release = Release(model=extractive.name, embedder=embedder.name)
        config = GatewayConfig()
        gateway = Gateway(lambda config=config: config, last_resort=extractive)
        assistant = Assistant(entered, ledger, knowledge, clock, embedder, always(Released(release, gateway)))
        opened.append((assistant, ledger, knowledge, Principal(tenant.id, "ann")))

    (assistant, ledger, _, ann), (other, _, _, namesake) = opened
    answer = await assistant.ask(ann, QUESTION)
    assert [each.quote for each in answer.citations][:1] == [
        "Up to ten days of unused leave carry over to the next year."
    ]
    followed = await assistant.ask(ann, "And for contractors?", answer.conversation)
    assert [turn.turn for turn in assistant.conversation(ann, answer.conversation).turns] == [
        answer.turn,
        followed.turn,
    ]
    assert [each.id for each in assistant.conversations(ann)] == [answer.conversation]

    assert other.conversations(namesake) == []
    with pytest.raises(NotFound):
        other.conversation(namesake, answer.conversation)
    with pytest.raises(NotFound):
        await other.ask(namesake, QUESTION, answer.conversation)
    with pytest.raises(NotFound):
        other.evidence(namesake, answer.turn)

    ledger.erase(ann.subject)
    assert assistant.conversations(ann) == []
    assert assistant.conversation(ann, answer.conversation).turns == ()
    assert ledger.verify().ok
    for _, _, knowledge, _ in opened:
        knowledge.close()
