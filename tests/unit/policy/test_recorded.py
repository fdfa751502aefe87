"""What is recorded of an action is the action."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import Principal
from aver.core.errors import InvalidInput
from aver.core.labels import LEVELS, Label
from aver.policy import Action, Annotations, Decision, Effect, Origin, Policies, action_from, action_to
from aver.policy.recorded import decision_from, decision_to

STANDARD = Policies.standard()
LABELS = st.builds(Label, st.sampled_from(LEVELS), st.none() | st.frozensets(st.sampled_from(["eu", "ch"])))
ORIGINS = st.lists(
    st.builds(
        Origin,
        st.sampled_from(["user", "chosen", "named", "mentioned", "trusted", "unknown", "untrusted"]),
        st.text(),
        st.none() | st.frozensets(st.sampled_from(["everyone", "user:anna", "group:support"])),
        LABELS,
    ),
    max_size=3,
).map(tuple)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ACTIONS = st.builds(
    Action,
    st.just(Principal("acme", "anna", frozenset({"support"}), frozenset({"admin"}))),
    st.text(),
    st.builds(
        Annotations,
        st.frozensets(st.sampled_from(list(Effect))),
        st.sampled_from([None, "compensable", "irreversible"]),
        st.none() | st.text(),
        st.lists(st.text(), max_size=2).map(tuple),
        st.lists(st.text(), max_size=2).map(tuple),
        st.sampled_from(["trusted", "untrusted"]),
        st.lists(st.text(), max_size=2).map(tuple),
        st.none() | st.booleans(),
        LABELS,
        st.sampled_from(["", *LEVELS]),
        st.sampled_from(["", "eu", "us"]),
    ),
    st.dictionaries(st.text(), JSON, max_size=3),
    st.dictionaries(st.text(), ORIGINS, max_size=3),
    st.lists(st.text(), max_size=2).map(tuple),
    st.sampled_from(["user", "ordered", "no"]),
    st.booleans(),
    st.lists(ORIGINS, max_size=2).map(tuple),
    LABELS,
)


@given(ACTIONS)
def test_an_action_comes_back_from_json_and_is_decided_alike(action: Action) -> None:
    back = action_from(json.loads(json.dumps(action_to(action))))
    assert back == action
    assert STANDARD.decide(back) == STANDARD.decide(action)


def test_a_decision_comes_back_from_json() -> None:
    decision = Decision("ask", "Why.", ("one", "two"))
    assert decision_from(json.loads(json.dumps(decision_to(decision)))) == decision


@pytest.mark.parametrize("data", [{}, {"principal": 1}, {"principal": {"tenant": "a"}}])
def test_anything_else_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="no recorded action"):
        action_from(data)
