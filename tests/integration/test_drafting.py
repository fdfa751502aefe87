"""Questions drafted by a model over real HTTP, and what is not believed of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from aver.core.errors import ProviderError
from aver.evals.drafting.service import Drafted, Drafter, Wanted
from aver.evals.drafting.writing import Writer
from aver.gateway.calls import Call, CallRecord
from aver.gateway.prices.types import Rates
from aver.gateway.service import Gateway
from aver.gateway.types import ChatRequest
from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.gateways import config
from tests.knowledge import World, open_world

LEAVE = "# Leave\n\nStaff who joined before May may take twenty-seven days off.\n"
TRAVEL = "# Travel\n\nTaxis are paid for when the last train has left.\n"
GOOD = "How much holiday is there for early joiners?"


@pytest.fixture
def acme(tmp_path) -> World:
    opened = open_world(tmp_path / "data")
    opened.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})
    return opened


def model(written: dict[str, str], found: Callable[[str], str]) -> Callable[[Received], Reply]:
    """Writes of the leave page the questions ``written`` with their answers; answers them as ``found`` says of the request."""

    def reply(received: Received) -> Reply:
        prompt = received.prompt
        if "Question: " in prompt:
            return Reply(found(prompt))
        pairs = [{"question": question, "answer": answer} for question, answer in written.items()]
        return Reply(f"Here they are: {json.dumps(pairs)}" if "twenty-seven" in prompt else "[]")

    return reply


def from_the_passage(prompt: str) -> str:
    return '"twenty-seven days"' if "twenty-seven" in prompt else "NONE"


async def drafted(acme: World, replies, records: list[CallRecord] | None = None) -> Drafted:
    ann = acme.user("ann")
    kept = [] if records is None else records

    def call(request: ChatRequest, document: str) -> Call:
        return Call(ann, "r", lambda _, record: kept.append(record), lambda: request, documents=frozenset({document}))

    with FakeProvider(replies) as server:
        gateway = Gateway(lambda: config(server.base_url, model={"rates": Rates(1, 1)}))
        try:
            return await Drafter(acme.knowledge, ann, Wanted(4, 0.0), Writer(gateway, call)).draft()
        finally:
            await gateway.close()


async def test_a_question_that_comes_back_with_its_answer_is_kept(acme):
    records: list[CallRecord] = []
    found = await drafted(acme, model({GOOD: "twenty-seven days"}, from_the_passage), records)
    (case,) = found.cases
    assert (case.question, case.tags, case.status) == (GOOD, ("model",), "draft")
    assert (case.passages[0].document, case.passages[0].quote) == ("leave.md", "twenty-seven days")
    assert len(records) >= 3  # written, answered again, not answered elsewhere


@pytest.mark.parametrize(
    ("question", "answer", "found", "why"),
    [
        ("Who may take twenty-seven days off then?", "twenty-seven days", from_the_passage, "copies its passage"),
        (GOOD, "twenty-seven days", lambda _: "NONE", "its passage does not answer it"),
        (GOOD, "twenty-seven days", lambda _: "thirty-one days", "its passage does not answer it"),
        (
            GOOD,
            "twenty-seven days",
            lambda prompt: "train" if "Taxis" in prompt else "twenty-seven days",
            "another document answers it too",
        ),
    ],
)
async def test_what_cannot_be_believed_is_left_out(acme, question, answer, found, why):
    drafts = await drafted(acme, model({question: answer}, found))
    assert drafts.cases == ()
    assert drafts.left_out == {why: 1}


async def test_an_answer_that_is_not_in_the_passage_is_no_draft(acme):
    drafts = await drafted(acme, model({GOOD: "thirty-one days"}, from_the_passage))
    assert (drafts.cases, drafts.left_out) == ((), {})
    assert (await drafted(acme, [Reply("I cannot write JSON.")])).cases == ()


async def test_a_model_that_fails_fails_the_draft(acme):
    with pytest.raises(ProviderError):
        await drafted(acme, [Reply("no", error="auth")])
