import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, TooLarge
from aver.evidence.facts import clear_facts

ids = st.from_regex(r"(?!user:|group:)[A-Za-z0-9][A-Za-z0-9._:/+-]{0,127}", fullmatch=True)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | ids
)
names = st.from_regex(r"[a-z][a-z0-9_.]{0,20}", fullmatch=True)


@given(st.dictionaries(names, scalars | st.lists(scalars, max_size=5), max_size=5))
def test_numbers_booleans_and_ids_pass(facts) -> None:
    assert json.loads(clear_facts(facts)) == facts


@pytest.mark.parametrize(
    "value",
    [
        "how many days?",
        "two words",
        "ana@example.org",
        "user:ana",
        "group:hr",
        "Zoë",
        "",
        "x" * 129,
        "a\nb",
        "a\n",
        2**53 + 1,
        float("nan"),
        float("inf"),
        b"bytes",
        {"nested": 1},
        [["nested"]],
        ["fine", "not fine"],
        object(),
    ],
)
def test_what_may_be_personal_is_refused_by_name(value) -> None:
    with pytest.raises(InvalidInput, match="'why'"):
        clear_facts({"why": value})


@pytest.mark.parametrize("name", ["", "Name", "two words", "1st", "x" * 61, 7, "ana@example.org"])
def test_a_name_is_a_word(name) -> None:
    with pytest.raises(InvalidInput):
        clear_facts({name: 1})


def test_many_facts_are_too_large() -> None:
    with pytest.raises(TooLarge):
        clear_facts({"ids": ["a"] * 257})
    with pytest.raises(TooLarge):
        clear_facts({f"fact_{number}": ["x" * 100] * 20 for number in range(5)})
