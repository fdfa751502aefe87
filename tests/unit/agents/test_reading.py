"""Numbers, negation and names, as they are read from a sentence."""

from __future__ import annotations

import pytest

from aver.agents.quantities import quantities
from aver.agents.reading import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ten days", {("10", "day")}),
        ("a 10-day notice", {("10", "day")}),
        ("twenty-five working days", {("25", "day")}),
        ("two hundred and five people", {("205", "")}),
        ("1,500.50 dollars", {("1500.5", "$")}),
        ("$1,500", {("1500", "$")}),
        ("1.5 million euros", {("1500000", "€")}),
        ("5%", {("5", "percent")}),
        ("five per cent", {("5", "percent")}),
        ("6½ hours", {("6.5", "hour")}),
        ("the 2nd of May", {("2", "")}),
        ("50k users", {("50000", "")}),
        ("version 1.2.3", {("1.2.3", "")}),
        ("nobody", set()),
        ("one of them", set()),
    ],
)
def test_quantities(text: str, expected: set[tuple[str, str]]) -> None:
    assert {(each.value, each.unit) for each in read(text).quantities if each.stated} == expected


def test_what_is_counted_tells_equal_numbers_apart() -> None:
    source = read("There are 10 sick days and 20 vacation days.").quantities
    (asked,) = [each for each in read("20 sick days").quantities if each.stated]
    (right,) = [each for each in read("20 vacation days").quantities if each.stated]
    assert not asked.answered_by(source)
    assert right.answered_by(source)


def test_an_implied_number_answers_and_is_not_asked_for() -> None:
    (week,) = [each for each in read("one week").quantities if not each.stated]
    (stated,) = [each for each in read("1 week").quantities if each.stated]
    assert stated.answered_by([week])
    assert not quantities([])


def test_negation_reaches_to_the_end_of_its_clause() -> None:
    reading = read("Contractors do not get paid leave, employees do get it.")
    assert {"get", "paid", "leav"} <= reading.denied
    assert "employe" in reading.asserted
    assert "contractor" in reading.asserted - reading.denied


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The desk of Ann Lee is in Oslo.", {"ann", "lee", "oslo"}),
        ("However, the CEO decides.", {"ceo"}),
        ("Employees decide.", set()),
        ("Bob decides.", {"bob"}),
        ("LEAVE POLICY FOR ALL STAFF", set()),
    ],
)
def test_names(text: str, names: set[str]) -> None:
    assert read(text).names == names


@pytest.mark.parametrize("text", ["Here is what I found:", "Based on the provided passages:", "Yes.", "", "[ ]"])
def test_sentences_about_the_answer_claim_nothing(text: str) -> None:
    assert not read(text).claims
