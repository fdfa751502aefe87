"""Conversations: whose they are, what is read from them, and how deletion, revocation and erasure reach into them."""

from __future__ import annotations

import pytest

from aver.core import Principal
from aver.core.errors import NotFound
from tests.unit.agents.conftest import READERS, House, Scripted

CARRY = "Up to ten days of unused leave carry over to the next year."
PAY = "The salary of an engineer of the third band is 98,400 euros a year."
INVENTED = "Every giraffe must be registered with the harbour master."
CARRY_QUESTION = "How many days of unused leave carry over?"
PAY_QUESTION = "What is the salary of an engineer of the third band?"


async def test_a_follow_up_is_resolved_against_the_conversation(house: House, say) -> None:
    first = await house.assistant(say(CARRY)).ask(house.bob, CARRY_QUESTION)
    model = say("Contractors do not get paid leave.")
    second = await house.assistant(model).ask(house.bob, "And for contractors?", first.conversation)
    assert second.conversation == first.conversation
    assert not second.abstained
    assert model.requests[0].question == "And for contractors? (days unused leave carry over)"
    roles = [(message.role, message.content) for message in model.requests[0].messages[1:3]]
    assert roles == [("user", CARRY_QUESTION), ("assistant", CARRY)]
    admitted, retrieved, *_ = house.ledger.turn(second.turn)
    assert admitted.facts["ordinal"] == 2
    assert retrieved.body["query"].endswith("policy")


async def test_conversations_are_listed_to_their_owner_alone(house: House, say) -> None:
    first = await house.assistant(say(CARRY)).ask(house.bob, CARRY_QUESTION)
    second = await house.assistant(say(CARRY)).ask(house.bob, "Does leave carry over?")
    assistant = house.assistant(say(CARRY))
    listed = assistant.conversations(house.bob)
    assert [(each.id, each.question) for each in listed] == [
        (second.conversation, "Does leave carry over?"),
        (first.conversation, CARRY_QUESTION),
    ]
    assert assistant.conversations(house.ann) == []


async def test_another_persons_conversation_is_as_absent(house: House, say) -> None:
    answer = await house.assistant(say(CARRY)).ask(house.bob, CARRY_QUESTION)
    assistant = house.assistant(say(CARRY))
    before = house.ledger.head()
    for conversation in (answer.conversation, "conversation_none", ""):
        with pytest.raises(NotFound) as read:
            assistant.conversation(house.ann, conversation)
        with pytest.raises(NotFound) as asked:
            await assistant.ask(house.ann, CARRY_QUESTION, conversation)
        assert str(read.value) == str(asked.value)
    for turn in (answer.turn, "turn_none"):
        with pytest.raises(NotFound):
            assistant.evidence(house.ann, turn)
    assert house.ledger.head() == before, "nothing of a refused question is recorded"


async def test_a_conversation_reads_as_it_was_given(house: House, say) -> None:
    answer = await house.assistant(say(f"{CARRY} {INVENTED}")).ask(house.bob, CARRY_QUESTION)
    assistant = house.assistant(say(CARRY))
    conversation = assistant.conversation(house.bob, answer.conversation)
    (turn,) = conversation.turns
    assert (turn.question, turn.answer, turn.withheld, turn.status) == (CARRY_QUESTION, answer, 0, "sealed")
    assert assistant.evidence(house.bob, answer.turn) == house.ledger.turn(answer.turn)


@pytest.mark.parametrize("how", ["deleted", "revoked", "left the group"])
async def test_what_may_no_longer_be_read_leaves_the_conversation(house: House, say, how: str) -> None:
    reader = house.ann
    said = f"{PAY} {INVENTED} {CARRY}"
    answer = await house.assistant(say(said)).ask(reader, f"{PAY_QUESTION} {CARRY_QUESTION}")
    assert [each.supported for each in answer.sentences] == [True, False, True]
    if how == "deleted":
        (house.pages / "salaries.md").unlink()
        house.ingest()
    elif how == "revoked":
        house.ingest(READERS.replace("group:board", "user:nobody"))
    else:
        reader = Principal(reader.tenant, "ann")

    model = say(CARRY)
    assistant = house.assistant(model)
    (turn,) = assistant.conversation(reader, answer.conversation).turns
    assert [each.text for each in turn.answer.sentences] == [CARRY]
    assert turn.withheld == 2
    assert turn.answer.answer == f"{CARRY}[1]"
    assert turn.answer.citations == (answer.citations[-1],)
    assert "98,400" not in str(turn.answer)
    assert "98,400" not in str(assistant.evidence(reader, answer.turn))

    followed = await assistant.ask(reader, "And for contractors?", answer.conversation)
    assert "98,400" not in str(model.requests[0])
    assert INVENTED not in str(model.requests[0])
    retrieved = house.ledger.turn(followed.turn)[1]
    assert "bands" not in retrieved.body["query"].lower()


async def test_an_answer_that_rests_on_nothing_readable_says_so(house: House, say) -> None:
    answer = await house.assistant(say(PAY)).ask(house.ann, PAY_QUESTION)
    (house.pages / "salaries.md").unlink()
    house.ingest()
    (turn,) = house.assistant(say(PAY)).conversation(house.ann, answer.conversation).turns
    assert (turn.answer.sentences, turn.answer.citations, turn.withheld) == ((), (), 1)
    assert "98,400" not in turn.answer.answer


async def test_an_abstention_forgets_the_titles_that_are_gone(house: House, say) -> None:
    answer = await house.assistant(say(INVENTED)).ask(house.ann, PAY_QUESTION)
    assert any("Salary" in each.title for each in answer.looked_at)
    (house.pages / "salaries.md").unlink()
    house.ingest()
    (turn,) = house.assistant(say(PAY)).conversation(house.ann, answer.conversation).turns
    assert not any("Salary" in each.title for each in turn.answer.looked_at)


async def test_erased_turns_vanish(house: House, say) -> None:
    assistant = house.assistant(say(CARRY))
    answer = await assistant.ask(house.bob, CARRY_QUESTION)
    other = await assistant.ask(house.ann, CARRY_QUESTION)
    house.ledger.erase(house.bob.subject)
    assert assistant.conversations(house.bob) == []
    assert assistant.conversation(house.bob, answer.conversation).turns == ()
    assert len(assistant.conversations(house.ann)) == 1
    assert assistant.conversation(house.ann, other.conversation).turns[0].answer == other
    again = await assistant.ask(house.bob, "And for contractors?", answer.conversation)
    assert house.ledger.turn(again.turn)[1].body["question"] == "And for contractors?"
    assert house.ledger.verify().ok


async def test_a_failed_turn_is_shown_as_failed_and_not_followed_up(house: House, say) -> None:
    cut = Scripted([f"{CARRY} Leave that was carried over must be "], finish=None)
    with pytest.raises(Exception, match="broke off"):
        await house.assistant(cut).ask(house.bob, CARRY_QUESTION)
    model = say(CARRY)
    assistant = house.assistant(model)
    (listed,) = assistant.conversations(house.bob)
    (turn,) = assistant.conversation(house.bob, listed.id).turns
    assert (turn.status, turn.answer, turn.question) == ("failed", None, CARRY_QUESTION)
    await assistant.ask(house.bob, "And for contractors?", listed.id)
    assert model.requests[0].question == "And for contractors?"
