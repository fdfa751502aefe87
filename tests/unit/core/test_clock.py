from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from aver.core import SystemClock, rfc3339

MOMENTS = st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001 - aware next
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(left, right):
    assert (rfc3339(left) < rfc3339(right)) == (left < right)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_reads_back_whatever_the_offset(moment, minutes):
    text = rfc3339(moment.astimezone(timezone(timedelta(minutes=minutes))))
    assert len(text) == len("2026-02-03T04:05:06.789012Z")
    assert datetime.fromisoformat(text) == moment


def test_the_system_clock_is_aware_and_its_counter_never_steps_back():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
