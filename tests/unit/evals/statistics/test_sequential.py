"""Intervals that are looked at all the time."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evals.statistics.sequential import ConfidenceSequence, anytime
from aver.evals.statistics.tally import Tally

values = st.lists(st.floats(0, 1), max_size=30)


@settings(deadline=None)
@given(values, values)
def test_a_tally_is_of_all_values_however_they_come(first, second):
    together = Tally().after([*first, *second], 0.5)
    apart = Tally().after(first, 0.5).after(second, 0.5)
    assert asdict(apart) == pytest.approx(asdict(together), abs=1e-9)
    if first or second:
        assert together.mean == pytest.approx(np.mean([*first, *second]))


@settings(deadline=None)
@given(values)
def test_an_interval_holds_its_mean_and_stays_in_bounds(some):
    sequence = ConfidenceSequence()
    sequence.update(some)
    found = sequence.interval
    if some:
        assert 0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1
    else:
        assert (found.low, found.method) == (None, "too few")


def test_half_of_the_error_is_on_either_side_and_it_is_wider_than_for_one_look():
    some = np.random.default_rng(7).random(400) < 0.8
    wide, narrow = (anytime(np.column_stack((some, np.ones(400))), level) for level in (0.95, 0.9))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert wide.high - wide.low > 2 * 1.96 * 0.4 / 20


def test_what_is_no_share_of_a_question_has_no_ends():
    found = anytime(np.array([[2.0, 3.0], [1.0, 2.0]]))
    assert (found.value, found.low, found.high, found.method) == (0.6, None, None, "anytime")


def test_what_is_out_of_bounds_or_no_number_is_refused_whole():
    sequence = ConfidenceSequence()
    sequence.update([0.5])
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(InvalidInput, match="not between 0 and 1"):
            sequence.update([0.5, wrong])
    assert sequence.tally.n == 1
