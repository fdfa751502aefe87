"""Intervals that are looked at all the time."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evals.statistics.contrast import Contrast, Sums
from aver.evals.statistics.sequential import SETTLED, ConfidenceSequence, DifferenceSequence
from aver.evals.statistics.tally import Tally

values = st.lists(st.floats(0, 1), max_size=30)


@settings(deadline=None)
@given(values, values)
def test_a_tally_is_of_all_values_however_they_come(first, second):
    together = Tally().after([*first, *second], 0.5)
    apart = Tally().after(first, 0.5).after(second, 0.5)
    joined = Tally().after(first, 0.5).joined(Tally().after(second, 0.5))
    assert asdict(apart) == pytest.approx(asdict(together), abs=1e-9)
    assert (joined.n, joined.mean, joined.squares) == pytest.approx(
        (together.n, together.mean, together.squares), abs=1e-9
    )
    if first or second:
        assert together.mean == pytest.approx(np.mean([*first, *second]))
        assert together.squares == pytest.approx(np.var([*first, *second]) * together.n, abs=1e-9)


@settings(deadline=None)
@given(values)
def test_an_interval_holds_its_mean_and_stays_in_bounds(some):
    sequence = ConfidenceSequence(bounds=(0, 1))
    sequence.update(some)
    found = sequence.interval
    if some:
        assert 0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1
        assert not sequence.excludes(found.value)
    else:
        assert (found.low, found.method) == (None, "too few")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(-0.95, 0.95))
def test_what_is_excluded_is_outside_of_the_interval(seed, asked):
    random = np.random.default_rng(seed)
    one, two = ConfidenceSequence(), DifferenceSequence()
    for _ in range(5):
        one.update(random.beta(4, 1, 30))
        two.update(random.random(20) * 0.6, random.random(9))
    for sequence, value in ((one, abs(asked)), (two, asked)):
        found = sequence.interval
        if min(abs(value - found.low), abs(value - found.high)) > 1e-4:
            assert sequence.excludes(value) == (not found.low <= value <= found.high)


def test_other_bounds_are_the_same_scaled():
    some = np.random.default_rng(1).random(200)
    plain, scaled = ConfidenceSequence(), ConfidenceSequence(bounds=(-1, 3))
    plain.update(some)
    scaled.update(4 * some - 1)
    assert scaled.interval.low == pytest.approx(4 * plain.interval.low - 1)
    assert scaled.interval.high == pytest.approx(4 * plain.interval.high - 1)
    one, other = DifferenceSequence(), DifferenceSequence(bounds=(0, 10))
    one.update(some[:100], some[100:])
    other.update(10 * some[:100], 10 * some[100:])
    assert other.interval.low == pytest.approx(10 * one.interval.low)


def test_it_goes_on_where_it_stood_after_being_written_down():
    random = np.random.default_rng(2)
    whole, parts = DifferenceSequence(), DifferenceSequence()
    for _ in range(20):
        before, after = random.random(3), random.random(2)
        whole.update(before, after)
        parts.update(before, after)
        parts = DifferenceSequence.restored(json.loads(json.dumps(asdict(parts))))
    assert parts == whole
    one = ConfidenceSequence(bounds=None)
    one.update(random.normal(0, 1, 200))
    assert ConfidenceSequence.restored(json.loads(json.dumps(asdict(one)))) == one


def test_differences_are_found_both_ways_and_in_uneven_arms():
    random = np.random.default_rng(3)
    for share, shift in ((0.5, -0.1), (0.5, 0.1), (0.1, -0.2)):
        sequence = DifferenceSequence()
        for _ in range(150):
            ours = random.random(40) < share
            sequence.update(random.beta(8, 2, (~ours).sum()), np.clip(random.beta(8, 2, ours.sum()) + shift, 0, 1))
        found = sequence.interval
        assert (found.high < 0) if shift < 0 else (found.low > 0)


def test_an_arm_without_traffic_decides_nothing():
    sequence = DifferenceSequence()
    sequence.update(np.ones(10_000))
    assert (sequence.interval.low, sequence.interval.n, sequence.excludes(0.9)) == (None, 10_000, False)
    sequence.update([], [0.0])
    found = sequence.interval
    assert (found.value, found.low, found.high) == (-1, -1, 1), "a single value is no block"


def test_what_is_kept_does_not_grow():
    sequence = DifferenceSequence()
    for _ in range(50):
        sequence.update(np.full(100, 0.5))
    assert sequence.contrast.baseline == Sums(5000, 0.0, 0.0)
    assert isinstance(sequence.contrast, Contrast)


def test_unbounded_values_wait_until_they_are_enough():
    sequence = ConfidenceSequence(bounds=None)
    sequence.update(np.random.default_rng(4).exponential(2, SETTLED - 1))
    assert sequence.interval.low is None
    sequence.update([2.0])
    assert sequence.interval.low < 2 < sequence.interval.high
    early = DifferenceSequence(bounds=None, settled=10)
    early.update(np.random.default_rng(5).normal(0, 1, 12), np.random.default_rng(6).normal(5, 1, 12))
    assert early.interval.low is not None


def test_half_of_the_error_is_on_either_side():
    """So that one end of a 90 % interval is a test in one direction at 5 %."""
    random = np.random.default_rng(7)
    wide, narrow = DifferenceSequence(confidence=0.95), DifferenceSequence(confidence=0.9)
    before, after = random.random(400), random.random(400)
    for sequence in (wide, narrow):
        sequence.update(before, after)
    assert wide.interval.low < narrow.interval.low < narrow.interval.high < wide.interval.high


def test_what_is_out_of_bounds_or_no_number_is_refused_whole():
    sequence = DifferenceSequence()
    sequence.update([0.5], [0.5])
    before = asdict(sequence)
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(InvalidInput, match="not between 0 and 1"):
            sequence.update([0.5, wrong], [0.5])
        with pytest.raises(InvalidInput, match="not between 0 and 1"):
            sequence.update([0.5], [0.5, wrong])
    assert asdict(sequence) == before
    unbounded = ConfidenceSequence(bounds=None)
    with pytest.raises(InvalidInput, match="not a finite number"):
        unbounded.update([float("inf")])
