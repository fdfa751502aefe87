"""What of a claim its text does not have."""

from __future__ import annotations

import pytest

from aver.agents.alteration import altered
from aver.agents.reading import read
from aver.agents.support import Thresholds, support
from aver.testing import HashEmbedder

TEXT = """Northwind offers a visual editor for $480 a month. It increased the speed of the editor by 30 percent. The team sends 3, 000
letters a week, and Ann Lee answers questions about cars."""


def weight(claim: str, text: str = TEXT) -> float:
    return altered(read(claim), read(text), text)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("Northwind offers a visual editor for $480 a month.", 0),
        ("The team sends 3,000 letters.", 0),
        ("Northwind provides a visual editor.", 0.1),
        ("Northwind provides a noisy kitchen.", 0.3),
        ("Today Bob Lee answers questions.", 1.1),
        ("Northwind offers 7 editors.", 1),
        ("Northwind offers a visual editor for $450 a month.", 2),
        ("Northwind offers Bob Lee a visual editor for $5.", 3),
    ],
)
def test_names_and_figures_that_the_text_lacks_weigh_most(claim: str, expected: float) -> None:
    assert weight(claim) == pytest.approx(expected)


def test_a_word_that_is_known_from_elsewhere_weighs_nothing() -> None:
    claim = read("Bob Lee answers questions.")
    assert altered(claim, read(TEXT), TEXT, claim.terms - read(TEXT).terms) == 0


def test_of_two_claims_the_altered_one_scores_lower() -> None:
    embedder = HashEmbedder(256)
    kept, other = (
        support(claim, TEXT, embedder, Thresholds())
        for claim in (
            "Northwind provides a visual editor at $480 a month.",
            "Northwind provides a visual kitchen at $450 a month.",
        )
    )
    assert other.score < kept.score / 2
