from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from aver.core import SystemClock, rfc3339
from aver.core.clock import SteadyClock
from aver.testing import FixedClock

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


def test_a_clock_that_jumps_is_not_followed_until_it_is_back():
    wall, passed = FixedClock(), [0.0]
    steady, began = SteadyClock(wall, lambda: passed[0]), wall.now()

    def go(seconds: float, jump: float = 0.0) -> None:
        passed[0] += seconds
        wall.advance(seconds + jump)

    go(10, jump=0.5)  # somebody puts it right
    assert (steady.now() - began, steady.offset) == (timedelta(seconds=10.5), 0)
    go(10, jump=-3600)
    assert (steady.now() - began, steady.offset) == (timedelta(seconds=20.5), -3600)
    go(100)
    assert (steady.now() - began, steady.offset) == (timedelta(seconds=120.5), -3600)
    go(5, jump=3600)
    assert (steady.now(), steady.offset) == (wall.now(), 0)


def test_a_clock_that_was_put_right_is_believed_in_the_end():
    wall, passed = FixedClock(), [0.0]
    steady = SteadyClock(wall, lambda: passed[0])
    wall.advance(7200)
    assert steady.offset == 7200
    for _ in range(9):
        passed[0] += 100
        wall.advance(100)
        steady.now()
    assert (steady.now(), steady.offset) == (wall.now(), 0)
