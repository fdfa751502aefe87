"""Documents that contradict what is cited are told; those that agree, or speak of something else, are not."""

from __future__ import annotations

import pytest

from aver.agents.conflicts import conflicts
from aver.agents.types import Answer, Citation, remarks
from aver.gateway.types import Usage
from aver.knowledge.types import Hit
from aver.testing import HashEmbedder

EMBEDDER = HashEmbedder(512)


def cited(quote: str) -> Citation:
    return Citation("doc_a", "Leave", "", 1, 0, len(quote), quote)


def hit(text: str, document: str = "doc_b") -> Hit:
    return Hit(f"{document}.1.7", document, 1, 7, 7 + len(text), "Handbook", "", "", text, 0.5, 1.0, 0.5)


@pytest.mark.parametrize(
    ("quote", "other", "kind"),
    [
        ("Employees have 27 days of paid leave a year.", "Employees have 25 days of paid leave a year.", "figure"),
        ("The travel office closes on Friday every week.", "The travel office closes on Monday every week.", "date"),
        ("Unused leave may be paid out on departure.", "Unused leave may not be paid out on departure.", "negation"),
        (
            "Remote work is allowed for all staff members.",
            "Remote work is forbidden for all staff members.",
            "opposite",
        ),
        ("Employees have 27 days of paid leave a year.", "Employees have 27 days of paid leave a year.", None),
        ("Employees have 27 days of paid leave a year.", "Employees have a travel card with 4 digits.", None),
        ("Employees have 27 days of paid leave a year.", "Hotels cost up to 150 euros a night.", None),
    ],
)
def test_a_contradiction_is_told(quote, other, kind):
    found = conflicts([cited(quote)], [hit(f"Before it. {other} After it.")], EMBEDDER)
    assert [each.kind for each in found] == ([kind] if kind else [])
    for each in found:
        assert each.citation == 0
        assert each.other.quote == other
        assert each.other.start == 7 + len("Before it. ")


def test_a_document_does_not_contradict_itself():
    quote, other = "Staff have 27 days of leave a year.", "Staff have 25 days of leave a year."
    assert conflicts([cited(quote)], [hit(other, "doc_a")], EMBEDDER) == ()


def test_what_is_told_is_a_plain_sentence():
    quote, other = "Staff have 27 days of leave a year.", "Staff have 25 days of leave a year."
    found = conflicts([cited(quote)], [hit(other)], EMBEDDER)
    answer = Answer("t", "c", "extractive", False, "", (), (cited(quote),), (), "r", Usage(), 0.0, found, (0,))
    said = remarks(answer)
    assert "Handbook says" in said[0]
    assert other in said[0]
    assert said[1].startswith("[1] cites an earlier version")
