"""From an answer to what it rests on, and back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aver.agents.lineage import answers_citing, recorded_lineage
from aver.core import sha256_hex
from aver.core.errors import NotFound
from aver.knowledge.ingest import document_id
from tests.unit.agents.conftest import READERS, House
from tests.unit.agents.test_conversations import CARRY, CARRY_QUESTION, PAY, PAY_QUESTION

LEAVE, SALARIES = document_id("pages", "leave.md"), document_id("pages", "salaries.md")


async def test_each_citation_leads_to_its_passage_its_object_and_the_step_that_took_it_in(house: House, say) -> None:
    assistant = house.assistant(say(f"{CARRY} [1]"))
    answer = await assistant.ask(house.bob, CARRY_QUESTION)
    lineage = assistant.lineage(house.bob, answer.turn)
    assert (lineage.turn, lineage.release, lineage.withheld) == (answer.turn, answer.release, 0)
    assert [rests.citation for rests in lineage.rests] == list(answer.citations)
    rests, origin = lineage.rests[0], lineage.rests[0].origin
    assert rests.sentences == (1,)
    assert origin is not None
    assert (origin.document, origin.source, origin.path, origin.version, origin.current) == (
        LEAVE,
        "pages",
        "leave.md",
        1,
        1,
    )
    assert origin.digest == sha256_hex((house.pages / "leave.md").read_bytes())
    assert rests.place is not None
    text = house.knowledge.document(house.bob, LEAVE).text
    assert rests.citation.quote in text[rests.place.start : rests.place.end]
    (step,) = [step for step in house.ledger.turn(origin.run) if step.seq == rests.step]
    assert step.kind == "ingested"
    assert [LEAVE, 1, "pages", "leave.md"] in step.body["documents"]


async def test_a_newer_version_does_not_take_the_place_of_the_one_that_was_cited(house: House, say) -> None:
    assistant = house.assistant(say(f"{CARRY} [1]"))
    answer = await assistant.ask(house.bob, CARRY_QUESTION)
    house.clock.advance(60)
    (house.pages / "leave.md").write_text("# Leave policy\n\nNo leave carries over from now on.\n")
    house.ingest()
    origin = assistant.lineage(house.bob, answer.turn).rests[0].origin
    assert origin is not None
    assert (origin.version, origin.current) == (1, 2)
    assert [each.version for each in house.knowledge.versions(LEAVE)] == [1, 2]
    first, second = house.knowledge.versions(LEAVE)
    assert (second.taken - first.taken).total_seconds() >= 60
    assert first.run != second.run


async def test_from_a_document_to_the_answers_that_cite_it(house: House, say) -> None:
    leave = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, CARRY_QUESTION)
    await house.assistant(say(f"{PAY} [1]")).ask(house.ann, PAY_QUESTION)
    (citing,) = answers_citing(house.ledger, [LEAVE])
    assert (citing.turn, citing.document, citing.version) == (leave.turn, LEAVE, 1)
    assert citing.spans == tuple(sorted({(each.start, each.end) for each in leave.citations}))
    assert len(list(answers_citing(house.ledger, [LEAVE, SALARIES]))) == 2
    house.ledger.erase(house.bob.subject)
    assert list(answers_citing(house.ledger, [LEAVE])) == []


async def test_only_the_answers_from_a_moment_on(house: House, say) -> None:
    first = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, CARRY_QUESTION)
    house.clock.advance(60)
    second = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, CARRY_QUESTION)
    early, late = answers_citing(house.ledger, [LEAVE])
    assert (early.turn, late.turn) == (first.turn, second.turn)
    assert list(answers_citing(house.ledger, [LEAVE], since=late.at)) == [late]
    assert list(answers_citing(house.ledger, [LEAVE], since=early.at)) == [early, late]
    assert list(answers_citing(house.ledger, [LEAVE], since=late.at + timedelta(seconds=1))) == []


async def test_what_may_no_longer_be_read_is_left_out_for_its_reader_and_not_for_the_keeper(house: House, say) -> None:
    assistant = house.assistant(say(f"{PAY} [1]"))
    answer = await assistant.ask(house.ann, PAY_QUESTION)
    house.ingest(READERS.replace("group:board", "user:zoe"))
    lineage = assistant.lineage(house.ann, answer.turn)
    assert lineage.rests == ()
    assert lineage.withheld == 1
    recorded = recorded_lineage(house.store, house.ledger, house.ledger.turn(answer.turn))
    assert [rests.citation.document for rests in recorded.rests] == [SALARIES]


async def test_a_deleted_document_has_no_origin_any_more(house: House, say) -> None:
    answer = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, CARRY_QUESTION)
    house.knowledge.delete(house.bob, LEAVE)
    (rests,) = recorded_lineage(house.store, house.ledger, house.ledger.turn(answer.turn)).rests
    assert (rests.origin, rests.place, rests.step) == (None, None, None)
    assert list(house.knowledge.versions(LEAVE)) == []


async def test_another_persons_turn_is_as_absent(house: House, say) -> None:
    assistant = house.assistant(say(f"{CARRY} [1]"))
    answer = await assistant.ask(house.bob, CARRY_QUESTION)
    for principal, turn in ((house.ann, answer.turn), (house.bob, "turn_" + "0" * 26)):
        with pytest.raises(NotFound, match="no such turn"):
            assistant.lineage(principal, turn)
