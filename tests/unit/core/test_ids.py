from concurrent.futures import ThreadPoolExecutor

import pytest

from aver.core import ids, new_id


@pytest.fixture
def at(monkeypatch):
    """Sets the time, in milliseconds since 1970, and forgets the ids made before."""
    monkeypatch.setattr(ids, "_last", 0)

    def set_time(milliseconds, randomness=None):
        monkeypatch.setattr(ids.time, "time_ns", lambda: milliseconds * 1_000_000)
        if randomness is not None:
            monkeypatch.setattr(ids, "random_bytes", randomness.to_bytes)

    return set_time


def test_an_id_is_its_prefix_and_a_ulid(at):
    at(1_469_918_176_385, randomness=0)
    assert new_id("turn") == "turn_01aryz6s410000000000000000"  # 01ARYZ6S41: a test vector of ulid/javascript


def test_ids_of_later_milliseconds_sort_later(at):
    made = []
    for milliseconds in (1, 2, 31, 32, 1_700_000_000_000, 2**48 - 1):
        at(milliseconds)
        made.append(new_id("x"))
    assert made == sorted(made)


def test_ids_keep_rising_when_the_clock_stands_still_or_steps_back(at):
    at(1_700_000_000_000)
    made = [new_id("x") for _ in range(100)]
    at(1_600_000_000_000)
    made += [new_id("x") for _ in range(100)]
    assert made == sorted(set(made))


def test_the_random_part_overflows_into_the_next_millisecond(at):
    at(1_700_000_000_000, randomness=2**80 - 1)
    first, second = new_id("x"), new_id("x")
    assert first < second
    at(1_700_000_000_001, randomness=0)
    assert second < new_id("x")


def test_ids_are_distinct_across_threads_and_rise_in_each():
    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(lambda _: [new_id("x") for _ in range(500)], range(8)))
    for batch in batches:
        assert batch == sorted(batch)
    assert len({made for batch in batches for made in batch}) == 8 * 500
