"""When two answers are taken to say the same."""

import pytest

from aver.gateway.cache.likeness import same_answer
from aver.testing.embedder import HashEmbedder


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Hold the button.", "hold the button!", True),
        ("You get 20 days of leave each year.", "You get 21 days of leave each year.", False),
        ("You can carry it over.", "You can not carry it over.", False),
        ("Ask Dana Roe about the forms first.", "Ask about the forms first.", False),
        ("Send the form to the office first, please.", "Send the form to the office, please.", True),
        ("Rain is likely.", "The printer is out of paper.", False),
    ],
)
def test_answers_are_compared_by_what_they_claim(one, other, same):
    assert same_answer(one, other, HashEmbedder(256)) is same
