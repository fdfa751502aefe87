from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core import EVERYONE, Principal, check_reader, group_reader, user_reader
from aver.core.errors import InvalidInput

NAMES = st.text(min_size=1, max_size=200).filter(lambda name: name.isprintable() and name == name.strip())


@given(NAMES, st.frozensets(NAMES, max_size=4))
def test_a_principal_is_everyone_itself_and_its_groups(user, groups):
    principal = Principal("tenant_1", user, groups)
    assert principal.readers == {EVERYONE, f"user:{user}"} | {f"group:{group}" for group in groups}
    assert principal.subject == f"user:{user}"
    assert all(check_reader(token) == token for token in principal.readers)


@given(NAMES, NAMES)
def test_no_user_can_be_mistaken_for_a_group_or_for_everyone(user, group):
    assert len({EVERYONE, user_reader(user), group_reader(group)}) == 3


@pytest.mark.parametrize("name", ["", " ann", "ann ", "a\nb", "a\0b", "x" * 201, "\N{RIGHT-TO-LEFT OVERRIDE}ann"])
def test_refuses_names_that_read_as_another(name):
    for make in (
        user_reader,
        group_reader,
        lambda text: Principal("t", text),
        lambda text: Principal("t", "u", frozenset({text})),
    ):
        with pytest.raises(InvalidInput):
            make(name)


@pytest.mark.parametrize("token", ["", "ann", "user:", "group:", "role:admin", "Everyone", "everyone:", "user: ann"])
def test_refuses_tokens_that_name_no_reader(token):
    with pytest.raises(InvalidInput):
        check_reader(token)


def test_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Principal("t", "u").user = "v"  # type: ignore[misc]
