"""Ranking measures against their definitions, written out, and against published examples."""

import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.scorers.ranking import hit, ndcg, precision, recall, reciprocal_rank

names = st.sampled_from("abcdefgh")
rankings = st.lists(names, unique=True)
relevances = st.dictionaries(names, st.sampled_from([1.0, 2.0, 3.0]), min_size=1)
cutoffs = st.integers(1, 12)


@settings(deadline=None)
@given(rankings, relevances, cutoffs)
def test_measures_are_their_definitions(ranking, relevance, k):
    good = [rank for rank, name in enumerate(ranking, 1) if name in relevance]
    within = [rank for rank in good if rank <= k]
    assert precision(ranking, relevance, k) == len(within) / k
    assert recall(ranking, relevance, k) == len(within) / len(relevance)
    assert hit(ranking, relevance, k) == (1.0 if within else 0.0)
    assert reciprocal_rank(ranking, relevance) == (1 / min(good) if good else 0.0)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcde"), unique=True), relevances.filter(lambda r: len(r) <= 4), cutoffs)
def test_ndcg_is_the_gain_over_that_of_the_best_of_all_orders(ranking, relevance, k):
    def dcg(order):
        return sum(relevance.get(name, 0) / math.log2(rank + 1) for rank, name in enumerate(order[:k], 1))

    best = max(dcg(order) for order in permutations(relevance))
    assert ndcg(ranking, relevance, k) == pytest.approx(dcg(ranking) / best)


@settings(deadline=None)
@given(rankings, relevances, cutoffs)
def test_all_lie_between_0_and_1_and_nothing_is_lost_by_looking_further(ranking, relevance, k):
    for measure in (precision, recall, hit, ndcg):
        assert 0 <= measure(ranking, relevance, k) <= 1 + 1e-12
    for measure in (recall, hit):
        assert measure(ranking, relevance, k) <= measure(ranking, relevance, k + 1)


def test_an_example_of_graded_relevance():
    """Järvelin and Kekäläinen's gains with the discount of trec_eval: 3, 2, 3, 0, 1, 2 against 3, 3, 2, 2, 1."""
    ranking = ["d1", "d2", "d3", "d4", "d5", "d6"]
    relevance = {"d1": 3.0, "d2": 2.0, "d3": 3.0, "d5": 1.0, "d6": 2.0}
    gained = 3 + 2 / math.log2(3) + 3 / 2 + 1 / math.log2(6) + 2 / math.log2(7)
    best = 3 + 3 / math.log2(3) + 2 / 2 + 2 / math.log2(5) + 1 / math.log2(6)
    assert ndcg(ranking, relevance, 6) == pytest.approx(gained / best)
    assert ndcg(ranking, relevance, 6) == pytest.approx(6.861 / 7.141, abs=1e-4)
