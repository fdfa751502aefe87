"""Splits and clusters: the same every time, alike, and with nothing torn apart."""

import random
from dataclasses import replace

import pytest

from aver.core.errors import InvalidInput
from aver.evals.datasets.clusters import clustered
from aver.evals.datasets.contamination import leaks
from aver.evals.datasets.splits import split
from aver.evals.types import Case, Message, Quote


def case(number, **fields):
    words = random.Random(number)
    asked = " ".join("".join(words.choices("abcdefghij", k=6)) for _ in range(6))
    return Case(**{"id": f"c{number}", "question": asked, "place": f"set:{number}", "unanswerable": True, **fields})


SHARES = {"test": 0.3, "train": 0.7}


def parts(found):
    return {each.id: each.split for each in found.cases}


def test_cases_of_one_document_or_conversation_are_one_cluster():
    found = clustered(
        [
            case(1, documents=("a.md",), unanswerable=False),
            case(2, documents=("b.md", "a.md"), unanswerable=False),
            case(3, passages=(Quote("b.md", "x"),), unanswerable=False),
            case(4, documents=("c.md",), unanswerable=False),
            case(5, metadata={"conversation": "conversation_1"}, history=(Message("user", "a"),)),
            case(6, metadata={"conversation": "conversation_1"}),
            case(7, cluster="mine", documents=("a.md",), unanswerable=False),
            case(8),
        ]
    )
    assert [each.cluster for each in found] == [
        *["document:a.md"] * 3,
        "document:c.md",
        *["conversation:conversation_1"] * 2,
        "mine",
        "",
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_neither_order_nor_clusters_matter_to_what_a_split_promises(seed):
    cases = [
        case(
            number,
            cluster=f"k{number % 40}",
            tags=("hr",) if number % 4 == 0 else ("it",),
            unanswerable=number % 5 == 0,
            answers=() if number % 5 == 0 else ("x",),
            flow="leave" if number % 10 == 0 else "",
        )
        for number in range(200)
    ]
    found = split(cases, SHARES, seed)
    assert found.counts == {"test": 60, "train": 140}
    assert not [each for each in leaks(found.cases) if each.why == "cluster"]
    tests = [each for each in found.cases if each.split == "test"]
    for count, some in ((50, "hr"), (150, "it")):
        assert abs(sum(some in each.tags for each in tests) - 0.3 * count) <= 5
    assert abs(sum(each.unanswerable for each in tests) - 12) <= 5
    shuffled = random.Random(3).sample(cases, len(cases))
    assert parts(split(shuffled, SHARES, seed)) == parts(found)


def test_other_seeds_split_otherwise():
    cases = [case(number) for number in range(100)]
    assert parts(split(cases, SHARES, 1)) != parts(split(cases, SHARES, 2))


def test_a_set_that_grows_keeps_its_parts():
    cases = [case(number, cluster=f"k{number % 30}") for number in range(90)]
    before = split(cases, SHARES)
    grown = [*before.cases, *(case(number, cluster=f"k{number % 45}") for number in range(90, 180))]
    after = split(grown, SHARES)
    assert all(parts(after)[name] == part for name, part in parts(before).items())
    assert sum(after.counts.values()) == 180
    assert abs(after.counts["test"] - 54) <= 6
    assert parts(split(grown, SHARES, 9, again=True)) != parts(after)


def test_nearly_the_same_question_stays_together():
    cases = [case(number) for number in range(20)]
    twins = [replace(each, id=f"{each.id}b", question=f"{each.question} please") for each in cases]
    found = parts(split([*cases, *twins], SHARES))
    assert all(found[each.id] == found[f"{each.id}b"] for each in cases)


def test_one_large_cluster_is_told():
    cases = [case(number, cluster="all" if number < 8 else f"k{number}") for number in range(10)]
    found = split(cases, {"test": 0.5, "train": 0.5})
    assert found.largest == 0.8
    assert sorted(found.counts.values()) == [2, 8]


@pytest.mark.parametrize(
    "shares", [{}, {"test": 1.2}, {"test": 0.0, "train": 1.0}, {"test": float("nan")}, {"test": 0.5}]
)
def test_shares_make_a_whole(shares):
    with pytest.raises(InvalidInput, match="shares"):
        split([case(1)], shares)


def test_what_was_torn_apart_is_not_split_again():
    torn = [case(1, cluster="k", split="test"), case(2, cluster="k", split="train")]
    with pytest.raises(InvalidInput, match="set:2, which depends on it"):
        split(torn, SHARES)
    assert len(set(parts(split(torn, SHARES, again=True)).values())) == 1
    with pytest.raises(InvalidInput, match="'dev', which is no part"):
        split([case(1, split="dev")], SHARES)
    assert [(each.one.id, each.other.id, each.why) for each in leaks(torn)] == [("c1", "c2", "cluster")]
