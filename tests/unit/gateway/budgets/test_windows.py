"""Windows of time: each moment is in exactly one of each length."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.budgets.windows import window

MOMENT = datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "name", "seconds"),
    [
        ("minute", "2026-12-31T23:59", 60),
        ("hour", "2026-12-31T23", 3600),
        ("day", "2026-12-31", 86_400),
        ("month", "2026-12", 31 * 86_400),
    ],
)
def test_a_window_is_named_by_its_beginning(period, name, seconds):
    found = window(period, MOMENT)
    assert (found.name, found.end - found.start, found.end_text) == (name, seconds, "2027-01-01T00:00:00Z")
    assert found.expires > "2027-01-02"


def test_all_time_has_no_end():
    found = window("ever", MOMENT)
    assert (found.name, found.end_text, found.expires[:4]) == ("ever", "", "9999")


@given(st.floats(0, 4e9), st.sampled_from(["minute", "hour", "day", "month"]))
def test_every_moment_is_in_its_window_and_the_next_begins_where_it_ends(at, period):
    found = window(period, at)
    assert found.start <= at < found.end
    after = window(period, found.end)
    assert (after.start, after.name > found.name) == (found.end, True)
