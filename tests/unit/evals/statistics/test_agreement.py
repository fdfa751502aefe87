"""Agreement of raters: published examples, and what it comes to at its ends."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evals.statistics.agreement import alpha, codes, kappa, percent

_ = None
KRIPPENDORFF = (  # "Computing Krippendorff's alpha-reliability" (2011), section C: four observers, twelve units
    (1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3),
    (_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _),
)


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_as_published(level, value):
    ratings = codes(list(zip(*KRIPPENDORFF, strict=True)))
    found = alpha(ratings, level)
    assert found.value == pytest.approx(value, abs=5e-4)
    assert (found.n, found.low) == (11, None), "one unit has a single rating, and eleven are too few"


def test_kappa_as_published():
    """Cohen (1960), table 1, in counts of 200."""
    table = ((88, 14, 18), (10, 40, 10), (2, 6, 12))
    pairs = [(a, b) for a, row in enumerate(table) for b, count in enumerate(row) for _ in range(count)]
    found = kappa(codes(pairs))
    assert found.value == pytest.approx(0.492, abs=5e-4)
    assert found.low < 0.45
    assert found.high > 0.53


def test_weighted_kappa_as_counted():
    pairs = np.random.default_rng(1).integers(1, 6, (40, 2)).astype(float)
    pairs[:25, 1] = pairs[:25, 0]
    for weights, cost in (("linear", lambda a, b: abs(a - b)), ("quadratic", lambda a, b: (a - b) ** 2)):
        seen = np.mean([cost(a, b) for a, b in pairs])
        chance = np.mean([cost(a, b) for a in pairs[:, 0] for b in pairs[:, 1]])
        assert kappa(pairs, weights).value == pytest.approx(1 - seen / chance)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(*[st.sampled_from([1, 2, 3, None])] * 3), min_size=2, max_size=12))
def test_alpha_is_one_less_disagreement_over_chance(rows):
    """Against the definition, pair by pair."""
    units = [[r for r in row if r is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    ratings = [r for unit in units for r in unit]
    found = alpha(codes(rows)) if ratings else None
    n = len(ratings)
    expected = sum(a != b for a in ratings for b in ratings)
    if not expected:
        assert found is None
        return
    observed = sum(sum(a != b for a in unit for b in unit) / (len(unit) - 1) for unit in units)
    assert found.value == pytest.approx(1 - (n - 1) * observed / expected)


def test_those_who_agree_on_everything_and_on_nothing():
    same = codes([("a", "a"), ("b", "b")] * 20)
    assert (kappa(same).value, alpha(same).value, percent(same).value) == (1, 1, 1)
    other = codes([("a", "b"), ("b", "a")] * 20)
    assert kappa(other).value == -1
    assert percent(other).value == 0


def test_nothing_to_tell_from_chance():
    assert kappa(codes([("a", "a")] * 30)) is None
    assert alpha(codes([("a", "a")] * 30)) is None
    assert percent(codes([("a", "a")] * 30)).value == 1
    assert percent(codes([("a", None)] * 30)) is None
    assert math.isnan(codes([("a", None)])[0, 1])


def test_items_of_one_document_count_as_one():
    random = np.random.default_rng(2)
    rows = [(a, a if random.random() < 0.8 else 1 - a) for a in random.integers(0, 2, 30)]
    ratings, clusters = codes([row for row in rows for _ in range(5)]), [n // 5 for n in range(150)]
    plain, clustered = kappa(ratings), kappa(ratings, clusters=clusters)
    assert clustered.high - clustered.low > 1.7 * (plain.high - plain.low)


def test_mistakes():
    with pytest.raises(InvalidInput, match="'fine' is not on the scale"):
        codes([("good", "fine")], order=("bad", "good"))
    with pytest.raises(InvalidInput, match="of two raters, not of 3"):
        kappa(codes([(1, 2, 3)]))
    with pytest.raises(InvalidInput, match="same raters"):
        codes([(1, 2), (1,)])
    with pytest.raises(InvalidInput, match="60 different ratings"):
        alpha(codes([(n, n + 0.5) for n in range(30)]))
