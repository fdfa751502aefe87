"""What far sides write, read."""

from datetime import UTC, datetime

import pytest

from aver.core.errors import Unavailable
from aver.knowledge.sources import answers
from aver.knowledge.sources.answers import instant, walk, walk_counted

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000+0000",
        "2026-01-01T01:00:00.000000+01:00",
        "Thu, 01 Jan 2026 00:00:00 GMT",
    ],
)
def test_a_moment_is_read(told):
    assert instant(told) == NEW_YEAR
    assert instant(told).tzinfo is UTC


@pytest.mark.parametrize(
    "told",
    [
        "",
        "None",
        "yesterday",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "Thu, 01 Jan 2026 00:00:00 -0000",
        "Thu, 99 Jan 2026 00:00:00 GMT",
        "\x00" * 5,
    ],
)
def test_what_is_no_moment_of_any_zone_is_none(told):
    assert instant(told) is None


def record(number):
    return {"id": number}


def counted(records, size, removed=()):
    """Pages of ``records``; before the second, those ``removed`` go."""
    left, asked = list(records), []

    def ask(start):
        if asked:
            left[:] = [each for each in left if each["id"] not in removed]
        asked.append(start)
        found = left[start : start + size]
        return found, start + size if start + size < len(left) else None

    return [each["id"] for some in walk_counted("desk", ask) for each in some]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_counted_pages_give_each_record_once(size):
    assert counted(map(record, range(20)), size) == list(range(20))


@pytest.mark.parametrize("removed", [{0}, {0, 1, 2}, set(range(12))])
def test_what_moves_up_between_counted_pages_is_noticed(removed):
    with pytest.raises(Unavailable, match="changed while it was listed"):
        counted(map(record, range(20)), 5, removed)


def test_an_answer_goes_in_no_circle():
    with pytest.raises(Unavailable, match="again and again"):
        list(walk("desk", lambda _: ([record(1)], "same")))


def test_an_answer_that_brings_nothing_new_ends(monkeypatch):
    monkeypatch.setattr(answers, "_BARREN", 5)
    marks = iter(range(100))
    with pytest.raises(Unavailable, match="again and again"):
        list(walk("desk", lambda _: ([record(1)], next(marks))))
    assert next(marks) < 10
    with pytest.raises(Unavailable):
        list(walk_counted("desk", lambda start: ([record(1)], start + 1)))


def test_an_answer_without_end_ends(monkeypatch):
    monkeypatch.setattr(answers, "_MOST_PAGES", 30)
    numbers = iter(range(100))
    with pytest.raises(Unavailable):
        list(walk("desk", lambda _: ([record(number := next(numbers))], number)))
