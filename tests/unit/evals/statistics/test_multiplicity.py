import pytest

from aver.evals.statistics.multiplicity import benjamini_hochberg, holm

# Benjamini and Hochberg (1995), section 4.1: fifteen comparisons, of which Holm leaves three and theirs four.
VALUES = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0,
]


def test_the_published_example():
    values = dict(enumerate(VALUES))
    assert sum(p <= 0.05 for p in holm(values).values()) == 3
    assert sum(p <= 0.05 for p in benjamini_hochberg(values).values()) == 4


def test_corrected_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert benjamini_hochberg({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.04, "c": 0.04})
    assert holm({}) == benjamini_hochberg({}) == {}
