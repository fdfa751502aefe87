"""What far sides write, read."""

from datetime import UTC, datetime

import pytest

from aver.knowledge.sources.answers import instant

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
