"""Which questions lean on the one before, and what they take from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.followup import Asked, depends, resolve

BEFORE = [Asked("How many vacation days do employees get?", ("Leave policy",))]


@pytest.mark.parametrize(
    "question",
    [
        "and for contractors?",
        "What about part-time staff?",
        "how many of them?",
        "Why?",
        "How do I request it?",
        "Who approves them?",
        "Can they be carried over to the next year?",
        "Does that apply to interns?",
        "Is this paid?",
        "Tell me more",
    ],
)
def test_a_question_that_leans_is_completed(question: str) -> None:
    resolved = resolve(question, BEFORE)
    assert resolved.question == f"{question} (vacation days employees)"
    assert resolved.query == f"{resolved.question} Leave policy"


@pytest.mark.parametrize(
    "question",
    [
        "What is the dress code?",
        "What is overtime?",
        "How does onboarding work?",
        "Can employees use their phones?",
        "How long does it take to onboard?",
        "Is it possible to work from abroad in summer?",
        "What is the travel budget for conferences and who approves it?",
        "And what is the deadline for expense reports in the finance team?",
        "Is there a policy that covers pets?",
    ],
)
def test_a_question_that_stands_is_left_alone(question: str) -> None:
    assert not depends(question)
    assert resolve(question, BEFORE).query == question


def test_the_topic_lasts_through_several_follow_ups() -> None:
    first = resolve("and for contractors?", BEFORE)
    second = resolve("how many of them?", [*BEFORE, Asked(first.question)])
    assert "contractors" in second.query
    assert "vacation" in second.query


@given(st.text(max_size=200))
def test_without_a_history_nothing_changes(question: str) -> None:
    assert resolve(question, []).query == question
    assert resolve(question, BEFORE).question.startswith(question)
