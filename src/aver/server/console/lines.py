"""Sums over time as lines to draw: shares with their intervals, levels, and amounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from aver.evals.statistics.intervals import wilson
from aver.ops.sums import quantile
from aver.ops.trends import Trends
from aver.server.console.charts import Mark, Point, line
from aver.server.console.rooms import Period, address

__all__ = ["Line", "amounts", "day_of", "levels", "shares", "span_of", "turns_of"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line to draw, and the address of what it is of. ``unit`` says how its values are told: ``share``, ``ms``, ``usd`` or ``count``. ``n`` is the sample."""

    title: str
    unit: str
    points: tuple[Point, ...]
    n: float = 0.0
    link: str = ""

    def tell(self, value: float) -> str:
        """A value in words."""
        match self.unit:
            case "share":
                percent = 100 * value
                return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"
            case "ms":
                return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"
            case "usd":
                return f"${value:,.2f}" if value >= 0.1 or not value else f"${value:.2g}"
        return f"{value:,.0f}"

    def drawn(self, ends: tuple[str, str], marks: Iterable[Mark] = (), rule: float | None = None) -> Markup:
        """The line as a figure. Shares begin at none, as amounts do."""
        return line(self.points, self.title, self.tell, rule=rule, marks=marks, ends=ends, floor=0.0)

    @property
    def last(self) -> float | None:
        return next((each.value for each in reversed(self.points) if each.value is not None), None)


def shares(trends: Trends, series: str, title: str, part: str, whole: str, link: str = "") -> Line:
    """The part of each slot's events, with Wilson's interval; a gap where there were none."""
    found, total = [], 0.0
    for start, sums in trends.each(series):
        n = sums.get(whole, 0.0)
        total += n
        share = min(sums.get(part, 0.0) / n, 1.0) if n else None
        low, high = wilson(share, n) if share is not None else (None, None)
        found.append(Point(start.timestamp(), share, low, high))
    return Line(title, "share", tuple(found), total, link)


def levels(trends: Trends, series: str, title: str, name: str, share: float, link: str = "") -> Line:
    """The value of ``name`` that ``share`` of each slot's do not exceed."""
    points = tuple(Point(start.timestamp(), quantile(sums, name, share)) for start, sums in trends.each(series))
    return Line(title, "ms", points, link=link)


def amounts(trends: Trends, series: str, title: str, name: str, unit: str, scale: float = 1.0, link: str = "") -> Line:
    """How much of ``name`` there is in each slot, none included."""
    points = tuple(Point(start.timestamp(), sums.get(name, 0.0) * scale) for start, sums in trends.each(series))
    return Line(title, unit, points, sum(each.value or 0.0 for each in points), link)


def span_of(period: Period) -> str:
    """A period as the addresses of turns take it, such as ``7d``."""
    hours = period.length // timedelta(hours=1)
    return f"{hours}h" if hours <= 24 else f"{hours // 24}d"


def turns_of(period: Period, /, **query: object) -> str:
    """The address of the turns of a period that are such."""
    return address("/turns", **query, since=span_of(period))


def day_of(at: datetime) -> str:
    """A moment below the end of a line."""
    return at.strftime("%-d %b, %H:%M")
