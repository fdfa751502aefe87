"""Labels: what is made of several things, who makes it so, and how one is written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.core.labels import ANYTHING, LEVELS, Label, combined, raisers, read_label

LABELS = st.builds(Label, st.sampled_from(LEVELS), st.none() | st.frozensets(st.sampled_from(["eu", "ch", "us"])))


@given(LABELS, LABELS, LABELS)
def test_a_join_is_the_least_that_is_as_strict_as_all(one, two, three):
    joined = combined((one, two))
    assert joined == combined((two, one)) == combined((joined, one))
    assert combined((joined, three)) == combined((one, combined((two, three))))
    assert combined((one, ANYTHING)) == one
    for clearance in LEVELS:
        for region in ("eu", "ch", "us", ""):
            given_apart = not one.refuses(clearance, region) and not two.refuses(clearance, region)
            assert given_apart == (not joined.refuses(clearance, region)), "as free as both, and no less"


@given(st.dictionaries(st.text(), LABELS, max_size=4))
def test_what_raises_a_label_makes_it_alone(labels):
    assert combined(labels[each] for each in raisers(labels)) == combined(labels.values())


@given(LABELS)
def test_a_label_comes_back_from_json(label):
    assert read_label(json.loads(json.dumps(label.plain()))) == label


def test_no_label_is_that_of_anything():
    assert read_label(None) == ANYTHING == read_label({})


@pytest.mark.parametrize(
    "plain",
    ["restricted", [], {"level": "secret"}, {"level": None}, {"regions": "eu"}, {"regions": ["EU"]}, {"regions": [1]}],
)
def test_what_is_no_label_is_refused(plain):
    with pytest.raises(InvalidInput, match="no label"):
        read_label(plain)


def test_a_label_in_words():
    assert [str(Label("restricted", frozenset({"eu", "ch"}))), str(Label(regions=frozenset())), str(ANYTHING)] == [
        "restricted, ch, eu",
        "public, nowhere else",
        "public, anywhere",
    ]
