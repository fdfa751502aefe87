"""What a question asks for besides its words: parts, places, times; and what is none of these."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.understanding import mentioned, moment, narrowed, parts, understand
from aver.knowledge.scope import EVERYTHING, Scope

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMED = {"travel policy": Scope(documents=("doc_travel",)), "hr handbook": Scope(("hr-handbook",))}


def day(year: int, month: int = 1, number: int = 1) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "asked", "scope"),
    [
        ("leave source:hr", "leave", Scope(("hr",))),
        ('leave source:"hr docs" since:2026-03', "leave", Scope(("hr docs",), since=day(2026, 3))),
        ("How many nights in the travel policy?", "How many nights in the travel policy?", NAMED["travel policy"]),
        ("According to the HR handbook, who approves?", "According to the HR handbook, who approves?", NAMED["hr handbook"]),
        ("What changed since March?", "What changed since March?", Scope(since=day(2026, 3))),
        ("Which pages were updated after 1 March 2025?", "Which pages were updated after 1 March 2025?", Scope(since=day(2025, 3))),
        ("What is new in the last two weeks?", "What is new in the last two weeks?", Scope(since=datetime(2026, 11, 10, 12, tzinfo=UTC))),
        ("How long was leave as of January 2024?", "How long was leave?", Scope(as_of=datetime(2024, 1, 31, 23, 59, 59, 999999, tzinfo=UTC))),
        ("Has Ann worked here since March?", "Has Ann worked here since March?", EVERYTHING),
        ("What is in the fridge?", "What is in the fridge?", EVERYTHING),
        ("since:whenever", "since:whenever", EVERYTHING),
    ],
)  # fmt: skip
def test_a_question_narrows_what_is_searched(question, asked, scope):
    found = understand(question, NAMED, NOW)
    assert (found.question, found.scope) == (asked, scope)
    assert found.meant == (":" in question and scope != EVERYTHING)
    assert bool(narrowed(found.scope)) == (scope != EVERYTHING)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is the limit and how do I claim travel costs?", 2),
        ("Who approves leave? When is the deadline for it?", 2),
        ("What is leave; how long is notice; who signs the form?", 3),
        ("How do bread and butter go together?", 0),
        ("Terms and conditions of what is sold", 0),
        ("What is leave?", 0),
    ],
)
def test_a_question_of_several_parts_is_taken_apart(question, found):
    assert len(parts(question)) == found


def test_a_part_takes_what_it_leaves_out_from_the_first():
    assert parts("Who approves parental leave? How long is it?")[1] == "How long is it? (approves parental leave)"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-05", day(2026, 3, 5), datetime(2026, 3, 5, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2024-02", day(2024, 2), datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2024", day(2024), datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("5th of March 2025", day(2025, 3, 5), datetime(2025, 3, 5, 23, 59, 59, 999999, tzinfo=UTC)),
        ("December", day(2025, 12), datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2024-13", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_a_date_is_a_stretch_of_time(text, first, last):
    assert moment(text, NOW) == first
    assert moment(text, NOW, last=True) == last


@given(st.text(max_size=200))
def test_any_text_is_a_question(text):
    understand(text, {name: Scope(("s",)) for name in mentioned(text)}, NOW)
    for name in mentioned(text):
        assert name == name.lower()
