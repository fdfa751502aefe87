"""What a tool's process writes without the module ``json`` is what that module writes."""

import enum
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.sandbox.inside.words import TooMuch, written

KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = KEYS | st.integers(-(10**30), 10**30)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner))


class Word(str):
    pass


class Number(enum.IntEnum):
    ONE = 1


def dumped(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@given(VALUES)
def test_the_same_is_written(value):
    assert written(value, 10**9) == dumped(value)


def test_what_is_derived_from_a_type_is_of_it():
    value = {Word("a"): [Word('b\u2028\ud800\x00"'), Number.ONE, True, ()], Number.ONE: 1.5e300}
    assert written(value, 10**9) == dumped(value)


@pytest.mark.parametrize("value", [{1, 2}, b"x", float("nan"), [float("-inf")], {(): 1}, object, {"a": {1.5: 1j}}])
def test_what_is_no_json_is_refused_in_the_same_words(value):
    with pytest.raises((TypeError, ValueError)) as expected:
        dumped(value)
    with pytest.raises(expected.type) as refused:
        written(value, 10**9)
    assert str(refused.value) == str(expected.value)


@given(VALUES, st.integers(0, 50))
def test_no_more_is_written_than_may_be(value, most):
    said = dumped(value)
    if len(said) > most:
        with pytest.raises(TooMuch):
            written(value, most)
    else:
        assert written(value, most) == said


def test_what_holds_itself_comes_to_an_end():
    endless = []
    endless.append(endless)
    with pytest.raises((RecursionError, TooMuch)):
        written(endless, 10**9)
    with pytest.raises(TooMuch):
        written(endless, 100)
