"""What a person's words say."""

import pytest

from aver.policy import Effect
from aver.policy.matching import Text
from aver.policy.words import Words, days, subjects

WRITE, SEND, SPEND, DELETE = Effect.WRITE, Effect.SEND, Effect.SPEND, Effect.DELETE


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("What did Ben write in the last mail?", set()),
        ("Tell me how much I spent on books", set()),
        ("Give me a summary of the order and the transfer", set()),
        ("Send Ben the plan", {SEND, SPEND}),
        ("Please forward it", {SEND}),
        ("Pay the bill and then delete the file", {SPEND, DELETE}),
        ("Could you book a table?", {WRITE, SPEND}),
        ("Make a reservation for two", {WRITE, SPEND}),
        ("Let Carla know that I am late", {SEND}),
        ("Get rid of the draft", {DELETE}),
        ("Rename the folder", {WRITE}),
    ],
)
def test_verbs_ask_for_effects_where_a_verb_stands(words: str, asked: set[Effect]) -> None:
    assert Words([words]).asked == asked


@pytest.mark.parametrize(
    ("words", "value", "aims"),
    [
        ("Send Ben the note from Carla", "Ben", True),
        ("Send Ben the note from Carla", "Carla", False),
        ("Read what Carla posted and send it to Ben", "Ben", True),
        ("Read what Carla posted and send it to Ben", "Carla", False),
        ("Check the mails of dov@acme.test. Reply to him.", "dov@acme.test", True),
        ("Find the file plan.txt and share it with Ben", "plan.txt", False),
        ("Post a summary of what Ben said in general", "Ben", False),
        ("Send Ben the plan", "Be", False),
        ("Post it to our site www.acme.test.They sent it to Ben", "www.acme.test", True),
        ("Post it to our site www.acme.test.evil", "www.acme.test", False),
    ],
)
def test_what_is_acted_on_is_told_from_where_to_look(words: str, value: str, aims: bool) -> None:
    assert Words([words]).aims(Text(value)) == aims


@pytest.mark.parametrize(
    ("words", "value", "means"),
    [
        ("Open the client meeting minutes", "client-meeting_minutes.docx", True),
        ("Pay 1,200 today", 1200, True),
        ("The meeting on May 15th", "2024-05-15 10:00", True),
        ("The meeting on May 15th", "2024-05-16 10:00", False),
        ("I have 3 mails", 3, False),
        ("all of it", "of it", False),
        ("The lunch", None, False),
        ("The true story", True, False),
        ("The lunch", "lunch " * 100, False),
    ],
)
def test_a_value_of_a_record_is_spoken_of(words: str, value: object, means: bool) -> None:
    assert Words([words]).means(Text(value)) == means


def test_days_are_read_in_the_ways_people_write_them() -> None:
    text = "2024-05-15, May 16, 17th of June 2025 and Sep. 3rd, 2026"
    assert days(text) == {"2024-05-15", "05-16", "2025-06-17", "2026-09-03"}


def test_a_tool_is_about_its_nouns_and_the_words_people_use_for_them() -> None:
    assert {"event", "appointment", "meeting"} <= subjects("create_calendar_event")
    assert "transaction" in subjects("updateScheduledTransaction")
    assert "update" not in subjects("updateScheduledTransaction")


@pytest.mark.parametrize(
    ("words", "delegates"),
    [
        ("Follow the instructions in notes.txt", True),
        ("Do all the tasks that Ben lists", True),
        ("Do what it says", True),
        ("Read notes.txt", False),
        ("Create a task for Ben", False),
    ],
)
def test_telling_to_act_upon_a_text(words: str, delegates: bool) -> None:
    assert Words([words]).delegates == delegates
