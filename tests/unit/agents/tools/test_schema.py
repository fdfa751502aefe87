"""JSON Schema within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aver.agents.tools.schema import Schema, paths
from aver.core.errors import SettingsError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "ab", "b1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)
RULES = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "string"},
            {"type": ["integer", "null"]},
            {"enum": ["a", 1]},
            {"const": None},
            {"pattern": "^a"},
            {"minimum": 1},
            {"required": ["a"]},
            {"minLength": 1},
            {"uniqueItems": True},
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)}),
        st.fixed_dictionaries({"additionalProperties": inner | st.booleans()}),
        st.fixed_dictionaries({"patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=2)}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"not": inner}),
        st.builds(lambda a, b: {**a, **b}, inner, inner),
    ),
    max_leaves=6,
)


@given(RULES, JSON)
def test_it_says_what_the_reference_says(rules, value):
    assert (Schema(rules, "it").problems(value) == []) is Draft202012Validator(rules).is_valid(value)


def test_a_hostile_pattern_and_text_take_no_time():
    assert Schema({"pattern": "^(a+)+$"}, "it").problems("a" * 100_000 + "b")


@pytest.mark.parametrize(
    "rules",
    [
        {"type": "strin"},
        {"properties": []},
        {"$ref": "https://example.com/schema.json"},
        {"properties": {"a": {"$ref": "other.json"}}},
        {"$ref": "#/$defs/none"},
        {"a": float("nan")},
        {"enum": ["x" * 300_000]},
        {"patternProperties": {"a": {}}, "unevaluatedProperties": False},
    ],
)
def test_what_is_no_schema_here_is_refused(rules):
    with pytest.raises(SettingsError):
        Schema(rules, "it")


def test_depth_is_no_way_out():
    rules, value = {}, None
    for _ in range(2000):
        rules, value = {"properties": {"a": rules}}, {"a": value}
    with pytest.raises(SettingsError):
        Schema(rules, "it")
    circle = Schema({"$defs": {"x": {"properties": {"a": {"$ref": "#/$defs/x"}}}}, "$ref": "#/$defs/x"}, "it")
    assert circle.problems(value) in ([], ["it is nested too deeply to be checked"])


def test_problems_are_few_and_short():
    found = Schema({"items": {"type": "string"}}, "it").problems([{"x": "y" * 1000}] * 100)
    assert len(found) == 5
    assert all(len(each) < 500 for each in found)


def test_paths_follow_references_lists_and_choices():
    rules = {
        "properties": {
            "event": {"$ref": "#/$defs/event"},
            "to": {"type": "array", "items": {"properties": {"mail": {}}}},
            "either": {"anyOf": [{"properties": {"x": {}}}, {"properties": {"y": {}}}]},
        },
        "$defs": {"event": {"properties": {"next": {"$ref": "#/$defs/event"}, "people": {"type": "array"}}}},
    }
    assert paths(rules) == [
        "event",
        "event.next",
        "event.people",
        "to",
        "to.mail",
        "either",
        "either.x",
        "either.y",
    ]
