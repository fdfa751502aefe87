"""Which questions ask the same."""

import random

import pytest

from aver.evals.datasets.similarity import LEAST, Asked, alike, form
from aver.testing import HashEmbedder


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many days of leave carry over?", "how many days of LEAVE carry over"),
        ("How many days of leave do we carry over?", "How many days of leave do I carry over?"),
        ("Who signs off the travel card, please?", "Who signs off the travel card?"),
    ],
)
def test_the_same_in_nearly_the_same_words(one, other):
    assert [(pair.one, pair.other) for pair in alike([one, other])] == [(0, 1)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "How many days of annual leave did editors get in 2024?",
            "How many days of annual leave did editors get in 2025?",
        ),
        ("May the travel card be lent to a colleague?", "May the travel card not be lent to a colleague?"),
        ("What does ERR-1042 mean?", "What does ERR-1043 mean?"),
        ("Who founded Atlantis?", "How long is the notice period?"),
        ("", ""),
    ],
)
def test_what_asks_something_else(one, other):
    assert list(alike([one, other])) == []


def test_no_pair_is_missed():
    """As comparing each with each finds them."""
    chance = random.Random(7)
    texts = [
        " ".join(chance.choices(["one", "two", "three", "four", "five", "six"], k=chance.randint(1, 6)))
        for _ in range(150)
    ]
    asked = [Asked.of(text) for text in texts]
    slow = {(one, other) for other in range(150) for one in range(other) if asked[one].share(asked[other]) >= LEAST}
    assert {(pair.one, pair.other) for pair in alike(texts)} == slow
    assert len(slow) > 50


def test_other_words_are_found_by_meaning():
    class Same(HashEmbedder):
        def embed(self, texts):
            return super().embed([text.replace("holiday", "leave") for text in texts])

    texts = ["how much holiday is there", "how much leave is there", "how much leave is there in 2024"]
    assert [pair.share for pair in alike(texts[:2])] == []
    assert [(pair.one, pair.other) for pair in alike(texts, embedder=Same())] == [(0, 1)]


def test_what_makes_no_difference():
    assert form("  What\u2019s  ERR-1042?\n") == form("what's err 1042")
