"""Questions made by rule, and what tells whether a text answers them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.drafting.leakage import copied, repeats
from aver.evals.drafting.rules import answers, candidates
from aver.knowledge.chunking import split
from aver.knowledge.parsing import parse
from aver.knowledge.types import Document, DocumentText, Hit


def made(markdown):
    parsed = parse(markdown.encode(), "page.md")
    document = Document("doc_1", 1, parsed.title, "", "memory", "page.md", datetime(2026, 1, 1, tzinfo=UTC))
    stored = DocumentText("doc_1", 1, parsed.title, "", parsed.text, parsed.blocks)
    found = list(candidates(document, stored, [(chunk.start, chunk.end, chunk.section) for chunk in split(parsed)]))
    for each in found:
        assert each.quote in stored.text
        assert each.quote in each.passage
        assert each.passage in stored.text
    return found


def hit(text, title="", section=""):
    return Hit("p", "doc_other", 1, 0, len(text), title, "", section, text, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("sentence", "question", "kind"),
    [
        ("The travel card is a card that pays for trains.", "What is the travel card?", "definition"),
        ("Continuous integration is the practice of merging often.", "What is continuous integration?", "definition"),
        ("Agile means the team plans a little at a time.", "What does agile mean?", "definition"),
        ("GSA is the agency that runs the buildings of the government.", "What is GSA?", "definition"),
        ("Contractors are the people who work for another firm.", "What are contractors?", "definition"),
        ("Every parent gets 16 weeks at full pay.", "How many weeks does every parent get?", "quantity"),
        ("New staff have up to 27 days of leave a year.", "How many days do new staff have?", "quantity"),
        ("ERR-1042 on the reader tells that it is off.", "What is said about ERR-1042?", "identifier"),
        ("It is a card that pays for trains and for taxis.", None, None),
        ("There are the usual ways of doing this in a team.", None, None),
        ("We have 3 offices.", None, None),
        ("The name is an abbreviation of two streets in the city.", None, None),
        ("Phase three should take two weeks at the most.", None, None),
        (
            "Gengo Translation is an online subscription that bills by the month.",
            "What is Gengo Translation?",
            "definition",
        ),
        ("Ask ann@example.com for the key to the office.", None, None),
    ],
)
def test_a_sentence_answers_its_question(sentence, question, kind):
    found = made(f"# Page\n\n{sentence}\n")
    assert [(each.question, each.kind) for each in found] == ([(question, kind)] if question else [])
    if question:
        assert found[0].quote == sentence
        assert answers(found[0], hit(sentence))
        assert not answers(found[0], hit("Something else is a thing of another kind, in 12 parts."))


def test_a_heading_asks_about_what_follows_it():
    long = "It goes on " + "and on " * 80 + "without an end."
    page = f"# Page\n\n## Rail journeys\n\nBooked by the desk.\n\n## Overview\n\nShort.\n\n## Long tales\n\nShort first. {long}\n"
    found, tale = made(page)
    assert tale.quote == "Short first."
    assert (found.question, found.quote) == ("What is said about Rail journeys?", "Booked by the desk.")
    assert answers(found, hit("Other words.", section="Travel \u203a Rail journeys abroad"))
    assert not answers(found, hit("Rail.", title="Journeys", section="By road"))


words = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


@settings(deadline=None)
@given(words, words)
def test_copied_is_the_longest_run_in_common(question, read):
    runs = {tuple(question[a:b]) for a in range(len(question)) for b in range(a + 1, len(question) + 1)}
    here = {tuple(read[a:b]) for a in range(len(read)) for b in range(a + 1, len(read) + 1)}
    assert copied(" ".join(question), ", ".join(read).upper()) == max(map(len, runs & here), default=0)


def test_repeating_is_saying_most_of_it_in_the_same_words():
    answer = "The travel card is a card that pays for trains and for taxis."
    assert repeats(answer, f"As said before: {answer.lower()} So use it.")
    assert repeats(answer, "The travel card is a card that pays for trains, and for taxis too.")
    assert not repeats(answer, "The credit card pays for trains and taxis.")
    assert not repeats("", answer)
    assert repeats("ten days", "up to Ten days")
