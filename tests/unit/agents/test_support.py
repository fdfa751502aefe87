"""What a passage says, and what it does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.reading import read
from aver.agents.support import Thresholds, support
from aver.core.sentences import sentences
from aver.testing import HashEmbedder
from tests.conftest import shared_data

EMBEDDER = HashEmbedder(256)
PASSAGE = """Full-time employees get twenty days of paid leave each year. Up to ten days of unused leave carry over to the next
year. Ann Lee approves requests within 3 working days. Bob Ng approves expenses of more than $1,500 within 5 working days.
Contractors do not get paid leave. Reports must be filed before 31 March 2026."""


def judge(claim: str, text: str = PASSAGE, context: str = ""):
    return support(claim, text, EMBEDDER, Thresholds(), context=context)


@pytest.mark.parametrize(
    "claim",
    [
        "Full-time employees get twenty days of paid leave each year.",
        "Up to ten days of unused leave carry over to the next year.",
        "Full-time employees get 20 days of paid leave each year.",
        "Up to 10 days of unused leave carry over to the next year.",
        "Ann Lee approves requests within three working days.",
        "Contractors don't get paid leave.",
        "Reports must be filed before March 31, 2026.",
        "Within 3 working days, Ann Lee approves requests.",
    ],
)
def test_what_is_said_is_supported(claim: str) -> None:
    found = judge(claim)
    assert found.supported, found
    assert PASSAGE[found.start : found.end].strip() == PASSAGE[found.start : found.end] != ""


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Full-time employees get thirty days of paid leave each year.", "number"),
        ("Up to ten weeks of unused leave carry over to the next year.", "number"),
        ("Ann Lee approves requests within 5 working days.", "number"),
        ("Bob Ng approves expenses of more than $15,000 within 5 working days.", "number"),
        ("Cy Roe approves requests within 3 working days.", "name"),
        ("Bob Ng approves requests within 3 working days.", "name"),
        ("Contractors get paid leave.", "meaning"),  # of the nearest sentence that does not deny it
        ("Full-time employees do not get twenty days of paid leave each year.", "negation"),
        ("At least ten days of unused leave carry over to the next year.", "opposite"),
        ("Reports must be filed after 31 March 2026.", "opposite"),
        ("Reports may be filed before 31 March 2026.", "opposite"),
        ("Full-time employees get twenty days of unpaid leave each year.", "opposite"),
        ("The moon is made of green cheese and orbits slowly.", "coverage"),
    ],
)
def test_what_is_turned_round_is_not(claim: str, reason: str) -> None:
    found = judge(claim)
    assert not found.supported
    assert reason in found.reasons


def test_names_may_come_from_the_title_and_numbers_may_not() -> None:
    claim = "Full-time employees of Northwind get twenty days of paid leave each year."
    assert not judge(claim).supported
    assert judge(claim, context="Northwind leave policy").supported
    assert not judge("Full-time employees get 30 days of paid leave each year.", context="30 days").supported


def test_part_of_a_sentence_is_no_quotation_of_it() -> None:
    text = "No contractor may work on Sundays without leave."
    found = judge("contractor may work on Sundays", text)
    assert not found.verbatim
    assert not found.supported


def test_white_space_and_quotes_do_not_matter_to_a_quotation() -> None:
    text = "The \u201cquiet\n room\u201d isn\u2019t  booked. It is free."
    found = judge('The "quiet room" isn\'t booked.', text.replace("\n", " "))
    assert found.verbatim
    assert text[found.start : found.end] == text[: found.end]


@given(st.text(max_size=80), st.text(max_size=300))
def test_a_span_lies_in_its_text_and_judgement_is_repeatable(claim: str, text: str) -> None:
    found = judge(claim, text)
    assert 0 <= found.start <= found.end <= len(text)
    assert found == judge(claim, text)
    assert 0 <= found.score <= 1 or found.reasons
    if found.supported:
        assert text[found.start : found.end].strip()


@given(st.lists(st.sampled_from(sentences(PASSAGE)), min_size=1, max_size=1))
def test_every_sentence_supports_itself(spans: list[tuple[int, int]]) -> None:
    ((start, end),) = spans
    found = judge(PASSAGE[start:end])
    assert (found.start, found.end, found.verbatim) == (start, end, True)


def test_real_paragraphs_refuse_altered_figures_and_negations() -> None:
    """Over XQuAD's paragraphs: hardly any altered figure or inserted "not" gets through, and every real sentence does."""
    import random
    import re

    chance = random.Random(7)
    data = json.loads((shared_data("xquad") / "xquad.en.json").read_text())
    paragraphs = [paragraph["context"] for article in data["data"] for paragraph in article["paragraphs"]]
    figures = denials = let_through = 0
    for text in chance.sample(paragraphs, 80):
        for start, end in sentences(text):
            sentence = text[start:end]
            assert not read(sentence).claims or judge(sentence, text).supported
            if figure := re.search(r"(?<![\w.,])\d{2,3}(?![\w,.]*\d)", sentence):
                altered = f"{sentence[: figure.start()]}{int(figure[0]) + 7}{sentence[figure.end() :]}"
                figures += 1
                let_through += judge(altered, text).supported
            if verb := re.search(r"\b(?:is|was|are|were|can|will)\b(?! not)", sentence):
                denials += 1
                let_through += judge(f"{sentence[: verb.end()]} not{sentence[verb.end() :]}", text).supported
    assert figures > 20
    assert denials > 100
    assert let_through <= 0.03 * (figures + denials)
