import inspect

import pytest

from aver.core import errors
from aver.core.errors import AverError, MissingExtra

TREE = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", TREE)
def test_every_error_says_cause_and_next_step_to_people_and_programs(kind):
    error = MissingExtra("psycopg", "postgres") if kind is MissingExtra else kind("The cause", "The next step.")
    assert str(error) == f"{error.cause}. {error.next_step}"
    problem = error.problem()
    assert problem["detail"] == error.cause
    assert problem["next_step"] == error.next_step
    assert problem["type"] == f"urn:aver:problem:{kind.slug}"
    assert 400 <= kind.status < 600
    assert kind.exit_code in (1, 2, 3, 4)


def test_the_docstring_draws_the_whole_tree():
    drawn = inspect.getdoc(errors) or ""
    assert all(kind.__name__ in drawn for kind in TREE)
    assert all(issubclass(kind, AverError) for kind in TREE)
