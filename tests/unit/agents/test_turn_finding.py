"""What a turn reads from its question, and what it says beside its answer: places, dates, contradictions, replaced versions."""

from __future__ import annotations

from tests.unit.agents.conftest import PAGES, READERS, House

CARRY = "Up to ten days of unused leave carry over to the next year."
FIVE = "Up to five days of unused leave carry over to the next year."
QUESTION = "How many days of unused leave carry over?"


def retrieved(house: House, turn: str):
    (step,) = [step for step in house.ledger.turn(turn) if step.kind == "retrieved"]
    return step


async def test_a_document_that_says_otherwise_is_told_to_those_who_may_read_it(house, say) -> None:
    (house.pages / "old.md").write_text(f"# Old handbook\n\n{FIVE}\n")
    house.ingest(READERS)
    answer = await house.assistant(say(CARRY)).ask(house.bob, QUESTION)
    (conflict,) = answer.conflicts
    assert (conflict.kind, conflict.citation, conflict.other.quote) == ("figure", 0, FIVE)
    text = house.knowledge.document(house.bob, conflict.other.document, conflict.other.version).text
    assert text[conflict.other.start : conflict.other.end] == FIVE
    (past,) = house.assistant(say(CARRY)).conversation(house.bob, answer.conversation).turns
    assert past.answer.conflicts == answer.conflicts

    house.ingest(READERS + '- {match: "old.md", readers: ["group:board"]}\n')
    (past,) = house.assistant(say(CARRY)).conversation(house.bob, answer.conversation).turns
    assert past.answer.conflicts == ()
    assert past.answer.sentences == answer.sentences
    assert (await house.assistant(say(CARRY)).ask(house.bob, QUESTION)).conflicts == ()
    assert len((await house.assistant(say(CARRY)).ask(house.ann, QUESTION)).conflicts) == 1


async def test_an_answer_as_of_a_date_says_that_its_source_was_replaced(house, say) -> None:
    house.clock.advance(60 * 86400)
    (house.pages / "leave.md").write_text(PAGES["leave.md"].replace(CARRY, FIVE))
    house.ingest()
    answer = await house.assistant(say(CARRY)).ask(
        house.bob, "How many days of unused leave carried over as of January 2026?"
    )
    assert [each.version for each in answer.citations] == [1]
    assert answer.outdated == (0,)
    assert retrieved(house, answer.turn).facts["as_of"] == "2026-01-31T23:59:59.999999Z"
    now = await house.assistant(say(FIVE)).ask(house.bob, QUESTION)
    assert ([each.version for each in now.citations], now.outdated) == ([2], ())


async def test_a_document_is_looked_in_by_its_name_if_it_may_be_read(house, say) -> None:
    answer = await house.assistant(say("Nothing.")).ask(house.bob, "What is the daily allowance in the Travel?")
    step = retrieved(house, answer.turn)
    assert (step.facts["named"], step.facts["documents"]) == (1, 1)
    answer = await house.assistant(say("Nothing.")).ask(house.bob, "What is paid in the Salary bands?")
    assert retrieved(house, answer.turn).facts["named"] == 0


async def test_an_abstention_says_where_it_looked(house, say) -> None:
    answer = await house.assistant(say("Nothing.")).ask(house.bob, "How much leave source:elsewhere")
    assert answer.abstained
    assert "(in source elsewhere)" in answer.answer
    assert retrieved(house, answer.turn).facts["sources"] == 1


async def test_a_time_that_was_only_worded_and_holds_nothing_is_let_go(house, say) -> None:
    house.clock.advance(400 * 86400)
    answer = await house.assistant(say("Nothing.")).ask(house.bob, "What leave is new in the last two weeks?")
    step = retrieved(house, answer.turn)
    assert step.facts["since"] is None
    assert step.facts["passages"] > 0


async def test_two_questions_in_one_are_both_searched_for(house, say) -> None:
    question = "What does the daily allowance cover and how much leave do employees get?"
    step = retrieved(house, (await house.assistant(say("Nothing.")).ask(house.bob, question)).turn)
    assert step.facts["parts"] == 2
    assert step.facts["documents"] == 2


async def test_a_model_that_writes_is_given_the_text_around_a_passage(house, say) -> None:
    model = say("Nothing.")
    await house.assistant(model, context_tokens=2000).ask(house.bob, "Who invoices the days they work?")
    first = model.requests[0].passages[0].text
    assert "They invoice" in first
    assert CARRY in first.replace("\n", " ")
