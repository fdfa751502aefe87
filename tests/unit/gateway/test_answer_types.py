import pytest

from aver.gateway.adapters.answer_types import answer_type, holds


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When does the office open?", "time"),
        ("In what year was it founded?", "time"),
        ("How many days of leave do I get?", "number"),
        ("What is the limit for hotels?", "number"),
        ("How long is parental leave?", "number"),
        ("Who approves travel?", "person"),
        ("Where are the printers?", "place"),
        ("Why do we use Tock?", "reason"),
        ("How do I book a flight?", "way"),
        ("What is a guild?", None),
        ("Is remote work allowed?", None),
    ],
)
def test_what_is_asked_for(question, kind):
    assert answer_type(question) == kind


@pytest.mark.parametrize(
    ("kind", "asked", "yes", "no"),
    [
        ("time", "when does it open", "It opens at 8:30.", "It opens with a key."),
        ("number", "how many days in 2024", "You get twenty days.", "In 2024 you get leave."),
        ("person", "who approves travel", "Your manager approves it.", "Travel is approved quickly."),
        ("person", "who wrote it", "The guide is by Ada Lovelace.", "Writing takes long."),
        ("place", "where are printers", "They stand in the hall.", "Printers print."),
        ("reason", "why log hours", "It is done because clients pay.", "Hours are logged."),
        ("way", "how do i book", "Submit the form.", "Booking is easy."),
    ],
)
def test_which_sentences_hold_it(kind, asked, yes, no):
    words = frozenset(asked.split())
    assert holds(kind, yes, words)
    assert not holds(kind, no, words)
