"""Sketches estimate how alike texts are."""

import random

import pytest

from aver.knowledge.sketch import alike, sketch


def words(seed, count=600):
    drawn = random.Random(seed)
    return [f"w{drawn.randrange(10**6)}" for _ in range(count)]


def jaccard(one, other):
    stretches = [{tuple(each[at : at + 5]) for at in range(len(each) - 4)} for each in (one, other)]
    return len(stretches[0] & stretches[1]) / len(stretches[0] | stretches[1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kept", [1.0, 0.95, 0.9])
def test_the_estimate_is_close(seed, kept):
    one = words(seed)
    other = one[: round(len(one) * kept)] + words(seed + 100, round(len(one) * (1 - kept)))
    ((first, second, share),) = alike({"one": sketch(one), "other": sketch(other)}, 0.5)
    assert {first, second} == {"one", "other"}
    assert share == pytest.approx(jaccard(one, other), abs=0.2)  # three standard errors of 64 draws


def test_strangers_are_not_paired():
    assert list(alike({f"t{seed}": sketch(words(seed)) for seed in range(40)}, 0.5)) == []


def test_too_few_words_have_no_sketch():
    assert sketch(["a", "b", "c", "d"]) == ""
    assert list(alike({"one": "", "other": ""}, 0.0)) == []


def test_a_crowd_alike_is_told_of_without_comparing_all():
    same = sketch(words(1))
    pairs = list(alike({f"t{at}": same for at in range(300)}, 0.8))
    assert 49 <= len(pairs) < 300 * 299 / 2


def test_a_sketch_is_the_same_for_ever():
    assert (
        sketch(["a", "stored", "sketch", "must", "be", "read", "by", "later", "releases", "too"])[:24]
        == "WzmIEVBxHASKQCA0prXEBEDK"
    )
