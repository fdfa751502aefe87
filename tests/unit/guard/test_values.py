"""JSON values: what is found is cut out within their texts, and they stay JSON of the same shape."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import TooLarge
from aver.guard import Detecting, Finding, Guard, Rail, Spelled, judge_value
from aver.guard.personal import PersonalData
from aver.guard.secrets import Secrets
from aver.guard.values import mapped

LEAVES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text('ab"\\\n{}:, é\u200b', max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner))


def redacted(value, detector, mode="redact"):
    async def main():
        guard = Guard({"arguments": [Rail(Detecting(detector, quick=True), mode)]})
        spelled, judgement = await judge_value(guard, value, "arguments")
        return judgement, spelled.redacted(judgement.findings)

    return asyncio.run(main())


def shape(value):
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else value is None or isinstance(value, bool)


def test_values_are_cut_and_names_are_not():
    value = {
        "to": ["ada@example.org", "x"],
        "card": 4111111111111111,
        "n": 3,
        "deep": {"note": 'say "ada@example.org"'},
    }
    judgement, left = redacted(value, PersonalData(names=False))
    assert judgement.outcome == "redact"
    assert left == {
        "to": ["[EMAIL_ADDRESS]", "x"],
        "card": "[CREDIT_CARD]",
        "n": 3,
        "deep": {"note": 'say "[EMAIL_ADDRESS]"'},
    }


def test_the_name_of_a_field_says_what_its_value_is():
    assert redacted({"password": "k7Tq9_wz41Lm"}, Secrets())[1] == {"password": "[SECRET]"}


def test_what_stands_in_a_name_blocks():
    judgement, _ = redacted({"ada@example.org": "hello"}, PersonalData(names=False))
    assert judgement.outcome == "block"
    assert "EMAIL_ADDRESS" in judgement.reason
    assert redacted({"ada@example.org": "hello"}, PersonalData(names=False), "flag")[0].outcome == "flag"


@settings(max_examples=40, deadline=None)
@given(VALUES, st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6))
def test_whatever_is_cut_out_it_stays_json_of_the_same_shape(value, places):
    spelled, findings, at = Spelled(value), [], 0
    for wanted, length in sorted(places):
        start = max(wanted, at)
        at = min(start + length, len(spelled.text))
        if start < at:
            findings.append(Finding("X", start, at, 1.0))
    left = spelled.redacted(findings)
    assert shape(json.loads(json.dumps(left))) == shape(json.loads(json.dumps(value)))
    if not findings:
        assert left == value


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_of_a_value_that_is_cut_out_whole_nothing_is_left(value):
    spelled = Spelled(value)
    left = spelled.redacted([Finding("X", 0, len(spelled.text), 1.0)] if spelled.text else [])
    leaves = []
    mapped(left, lambda _, leaf: leaves.append(leaf))
    assert set(leaves) <= {"[X]", ""}


def test_what_is_nested_without_end_is_refused():
    value = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(TooLarge):
        Spelled(value)
