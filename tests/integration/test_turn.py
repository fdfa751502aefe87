"""The turn with a model behind real HTTP: what the wire breaks, the turn says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from aver.agents import Answer, Assistant, Release, Released, SentenceReady, always
from aver.agents.store import turns
from aver.core import Principal
from aver.core.errors import ProviderError
from aver.core.settings import ModelTimeouts
from aver.evidence import Ledger
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.config.types import Retries
from aver.gateway.prices.types import Rates
from aver.gateway.service import Gateway
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.knowledge.service import Knowledge
from aver.store import Store
from aver.testing import FixedClock, HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import config

QUESTION = "How many days of unused leave carry over to the next year?"
CARRY = "Up to ten days of unused leave carry over to the next year."
MARCH = "Leave that was carried over must be used by the end of March."
PAGE = f"# Leave policy\n\nEmployees get twenty days of paid leave each year. {CARRY} {MARCH}\n"
TIMEOUTS = ModelTimeouts(stall=1)


class House:
    def __init__(self, directory: Path) -> None:
        pages = directory / "pages"
        pages.mkdir()
        (pages / "leave.md").write_text(PAGE)
        clock = FixedClock()
        self.installation = Store(directory / "data")
        self.ann = Principal(self.installation.create_tenant("northwind").id, "ann")
        self.store = self.installation.tenant("northwind")
        self.ledger = Ledger(self.store, clock)
        self.embedder = HashEmbedder(256)
        self.knowledge = Knowledge(self.store, self.ledger, self.embedder, clock)
        self.knowledge.ingest(FolderSource(pages, "pages"), AccessList.everyone())
        self.clock = clock

    async def watch(self, base_url: str) -> tuple[list[SentenceReady], Answer | ProviderError]:
        """The sentences shown for the question, and how the turn ended."""
        rates = Rates(10**9, 2 * 10**9)
        declared = config(base_url, timeouts=TIMEOUTS, model={"rates": rates}, retries=Retries(base=0.01))
        gateway = Gateway(lambda: declared, last_resort=Extractive(self.embedder))
        release = Release(model="r", embedder=self.embedder.name)
        lend = always(Released(release, gateway))
        assistant = Assistant(self.store, self.ledger, self.knowledge, self.clock, self.embedder, lend)
        shown: list[SentenceReady] = []
        try:
            async for event in assistant.run(self.ann, QUESTION):
                if isinstance(event, SentenceReady):
                    shown.append(event)
                elif isinstance(event, Answer):
                    return shown, event
        except ProviderError as error:
            return shown, error
        finally:
            await gateway.close()
        raise AssertionError("a turn ends with its answer or raises")

    def last_turn(self) -> tuple[str, ...]:
        """The kinds of the steps of the turn begun last."""
        with self.store.read() as tx:
            turn = tx.execute(select(turns.c.id).order_by(turns.c.id.desc())).scalars().first()
        assert turn is not None
        return tuple(step.kind for step in self.ledger.turn(turn))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.knowledge.close()
    opened.installation.close()


async def test_a_generated_answer_is_verified_as_it_streams(house: House) -> None:
    text = f"{CARRY} [1] Up to twelve days carry over. [1] {MARCH} [7] {MARCH} [1]"
    with FakeProvider([Reply(text)]) as server:
        shown, answer = await house.watch(server.base_url)
    assert isinstance(answer, Answer)
    assert [each.sentence.supported for each in shown] == [True, False, False, True]
    assert answer.mode == "generated"
    assert [each.quote for each in answer.citations] == [CARRY, MARCH]
    assert answer.usage.cost_usd is not None
    assert answer.usage.cost_usd > 0
    assert house.last_turn() == ("admitted", "retrieved", "called", "generated", "verified", "responded", "sealed")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault="reset"),
        Reply("Overloaded", status=503),
        Reply("Wrong key", status=401),
        Reply(fault="not-json"),
        Reply(fault="empty-choices"),
        Reply(f"{CARRY} [1] {MARCH}", fault="cut", after=20),
        Reply(f"{CARRY} [1] {MARCH}", fault="unfinished", after=20),
        Reply(f"{CARRY} [1] {MARCH}", fault="malformed", after=20),
        Reply(f"{CARRY} [1] {MARCH}", fault="stall", after=20),
    ],
    ids=lambda reply: reply.fault or str(reply.status),
)
async def test_what_breaks_before_anything_is_shown_is_answered_extractively(house: House, reply: Reply) -> None:
    with FakeProvider([reply]) as server:
        _, answer = await house.watch(server.base_url)
    assert isinstance(answer, Answer)
    assert (answer.mode, answer.abstained) == ("extractive", False)
    assert CARRY in [each.quote for each in answer.citations]
    assert house.last_turn()[-1] == "sealed"


@pytest.mark.parametrize("fault", ["cut", "unfinished", "malformed", "stall"])
async def test_what_breaks_after_a_sentence_was_shown_is_an_error(house: House, fault: str) -> None:
    text = f"{CARRY} [1] {MARCH} [1] Managers may extend this date."
    with FakeProvider([Reply(text, fault=fault, after=len(text) - 20)]) as server:
        shown, error = await house.watch(server.base_url)
    assert isinstance(error, ProviderError)
    assert shown[0].sentence.text == CARRY
    assert house.last_turn() == ("admitted", "retrieved", "called", "generated", "verified", "failed")
    assert house.ledger.verify().ok


async def test_with_nobody_listening_the_last_resort_answers(house: House) -> None:
    with FakeProvider([Reply(CARRY)]) as server:
        gone = server.base_url
    _, answer = await house.watch(gone)
    assert isinstance(answer, Answer)
    assert answer.mode == "extractive"
