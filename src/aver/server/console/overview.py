"""What the Overview shows: every KPI of the scorecard in its group, with its interval, its target, its trend and its line. Blocking reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup

from aver.ops.scorecard.types import GROUPS, Figure, Lack, Measured, Scorecard, Standing, Wanted
from aver.server.application import TenantServices
from aver.server.console.charts import Mark, Point, line
from aver.server.console.rooms import Period
from aver.server.scorecard.saying import METHODS, TRENDS, Tally, bound, certain, changed, of, short, tally

__all__ = ["FigureView", "GroupView", "Overview", "overview", "view_of"]

_MOST_MARKS = 12
"""Releases that a line marks: of more, the latest."""
_ICONS: dict[Standing, tuple[str, str]] = {
    "met": ("check", "pass"),
    "missed": ("octagon", "block"),
    "undecided": ("diamond", "undecided"),
    "no target": ("", "muted"),
    "no data": ("part", "muted"),
}


@dataclass(frozen=True, slots=True)
class FigureView:
    """A KPI to show. ``icon`` and ``tone`` are its standing's shape and colour."""

    figure: Figure
    chart: Markup

    @property
    def icon(self) -> str:
        return _ICONS[self.figure.standing][0]

    @property
    def tone(self) -> str:
        return _ICONS[self.figure.standing][1]

    @property
    def lack(self) -> Lack | None:
        return self.figure.found if isinstance(self.figure.found, Lack) else None

    @property
    def value(self) -> str:
        return short(self.figure.value, self.figure.kpi)

    @property
    def of(self) -> str:
        """What the value is for each of."""
        return of(self.figure.kpi)

    @property
    def certain(self) -> str:
        return certain(self.figure)

    @property
    def method(self) -> str:
        return METHODS[self.figure.found.method] if isinstance(self.figure.found, Measured) else ""

    @property
    def note(self) -> str:
        return self.figure.found.note if isinstance(self.figure.found, Measured) else ""

    @property
    def target(self) -> str:
        return bound(self.figure)

    @property
    def change(self) -> str:
        return changed(self.figure)

    @property
    def trend(self) -> str:
        return TRENDS[self.figure.trend]


@dataclass(frozen=True, slots=True)
class GroupView:
    name: str
    words: str
    figures: tuple[FigureView, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page. ``period`` is what the address calls it, empty in a file."""

    card: Scorecard
    period: str
    counts: Tally
    groups: tuple[GroupView, ...]

    @property
    def query(self) -> dict[str, str]:
        """What of the address is kept when the period changes."""
        given = {"feature": self.card.wanted.feature, "release": self.card.wanted.release}
        return {name: value for name, value in given.items() if value}


def overview(services: TenantServices, period: Period, *, feature: str = "", release: str = "") -> Overview:
    """The page at an address."""
    services.operations.read()
    return view_of(services.scorecards.read(Wanted(feature, release, period.length)), period.name)


def view_of(card: Scorecard, period: str = "", *, linked: bool = True) -> Overview:
    """``linked``: marks of releases lead to the turns of each."""
    marks = [
        Mark(at.timestamp(), f"release {digest[:12]}, {at:%d %b %H:%M} UTC", _turns_of(digest) if linked else "")
        for at, digest in card.marks[-_MOST_MARKS:]
    ]
    views = [FigureView(each, _chart(each, card, marks)) for each in card.figures]
    groups = tuple(
        GroupView(group, words, tuple(each for each in views if each.figure.kpi.group == group))
        for group, words in GROUPS.items()
    )
    return Overview(card, period, tally(card.figures), groups)


def _turns_of(release: str) -> str:
    return f"/turns?{urlencode({'release': release})}"


def _chart(figure: Figure, card: Scorecard, marks: Sequence[Mark]) -> Markup:
    """Its line, where there are two points of one at least."""
    points = [Point(each.at.timestamp(), each.value, each.low, each.high) for each in figure.series]
    if sum(each.value is not None for each in points) < 2:
        return Markup("")
    kpi, last = figure.kpi, points[-1].at
    shown = [Mark(min(each.at, last), each.words, each.link) for each in marks]
    form = "%d %b" if (card.until - card.since).days > 2 else "%d %b %H:%M"
    return line(
        points,
        f"{kpi.name} over the period",
        lambda value: short(value, kpi),
        # A target of a month is not one of a day.
        rule=None if kpi.monthly else figure.target,
        marks=shown,
        ends=(f"{card.since:{form}}", f"{card.until:{form}}"),
        floor=0.0 if kpi.monthly else None,
    )
