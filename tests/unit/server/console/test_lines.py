"""Lines hold what was counted: shares with their intervals, gaps where nothing was, and addresses of the turns behind them."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from aver.ops.trends import Trends
from aver.server.console.lines import Line, amounts, levels, shares, span_of, turns_of
from aver.server.console.rooms import PERIODS, period
from aver.server.console.whiskers import whisker

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
TRENDS = Trends(
    tuple(BEGAN + timedelta(hours=each) for each in range(3)),
    3600,
    BEGAN,
    {"provider:one": {0: {"ended": 100.0, "failed": 10.0, "spent": 5e9, "latency_ms~160": 4.0}, 2: {"ended": 4.0}}},
)


def test_a_share_has_its_interval_and_a_gap_where_nothing_was():
    line = shares(TRENDS, "provider:one", "failures", "failed", "ended", "/turns")
    first, gap, last = line.points
    assert (first.value, gap.value, last.value) == (0.1, None, 0.0)
    assert 0.05 < first.low < 0.1 < first.high < 0.18
    assert last.low == 0.0
    assert 0.4 < last.high < 0.6  # four calls say little
    assert (line.n, line.last, line.link) == (104, 0.0, "/turns")


def test_amounts_are_none_where_nothing_was_and_levels_are_not_known():
    spent = amounts(TRENDS, "provider:one", "spent", "spent", "usd", 1e-9)
    assert [each.value for each in spent.points] == [5.0, 0.0, 0.0]
    assert spent.n == 5.0
    took = levels(TRENDS, "provider:one", "time", "latency_ms", 0.95)
    assert [each.value is None for each in took.points] == [False, True, True]
    assert 1000 <= took.points[0].value <= 1100


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [("share", 0.125, "12 %"), ("share", 0.034, "3.4 %"), ("ms", 812, "812 ms"), ("ms", 2500, "2.5 s"),
     ("usd", 0, "$0.00"), ("usd", 0.0042, "$0.0042"), ("usd", 12.5, "$12.50"), ("count", 1234, "1,234")],
)  # fmt: skip
def test_values_are_told_in_their_unit(unit, value, said):
    assert Line("t", unit, ()).tell(value) == said


@pytest.mark.parametrize("name", [each.name for each in PERIODS])
def test_a_period_is_one_that_turns_understand(name):
    from aver.ops.turns.asking import read_filters

    span = span_of(period(name))
    found = read_filters({"since": span}, BEGAN)
    assert BEGAN - found.since == period(name).length
    assert turns_of(period(name), model="a&b") == f"/turns?model=a%26b&since={span}"


@pytest.mark.parametrize(("value", "low", "high"), [(0.1, -0.2, 0.4), (5, -9, 99), (0, 0, 0)])
def test_a_whisker_stays_in_its_row(value, low, high):
    drawn = ElementTree.fromstring(str(whisker(value, low, high, 0.5, '"<b>')))
    box = drawn.find("rect")
    left, wide = (float(box.get(name).rstrip("%")) for name in ("x", "width"))
    assert 0 <= left <= left + wide <= 100.5
    assert drawn.get("aria-label") == '"<b>'
