"""Pictures of figures as SVG made here: lines with their intervals, sparklines, columns, and bars of parts. Pure; geometry alone is drawn, words are HTML or
stand unscaled, and every colour is a class of ``console.css``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Column", "Mark", "Part", "Point", "columns", "line", "meter", "spark"]

_WIDE, _HIGH = 1000.0, 100.0
"""The units of the plane that lines are drawn in; it is stretched to whatever room there is."""
_ROOM = 0.06
"""The part of the height that is left free above the highest and below the lowest value."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment, in seconds of the Unix epoch or anything else that grows; ``None`` where there is none, and the line has a gap. ``low`` and ``high``
    are its interval's ends."""

    at: float
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, such as a release, told by ``words``; ``link`` opens it."""

    at: float
    words: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar or a column: how much, of what, in which colour (``pass``, ``flag``, ``block``, ``undecided``, ``accent``, ``muted``)."""

    value: float
    words: str
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Column:
    """The parts of one slot of time, from the bottom up, said by ``words``."""

    words: str
    parts: Sequence[Part]
    link: str = ""


def line(
    points: Sequence[Point],
    title: str,
    tell: Callable[[float], str],
    *,
    rule: float | None = None,
    marks: Iterable[Mark] = (),
    ends: tuple[str, str] = ("", ""),
    floor: float | None = None,
    ceiling: float | None = None,
) -> Markup:
    """A figure of a line over time: its last value beside its title, its highest and lowest at the edge, its interval as a band, ``rule`` as the objective. ``tell``
    writes a value; ``ends`` are the words below the first and the last moment. ``floor`` and ``ceiling`` are held in any case, such as 0 and 1 of a share."""
    known = [each for each in points if each.value is not None]
    if not known:
        return _figure(title, "", Markup('<p class="muted small">No data yet.</p>'), ends=("", ""))
    plane = _Plane.of(known, points, rule, floor, ceiling)
    drawn = [_svg_open("plot"), _plane_open()]
    drawn += [_path(plane.band(run), "band") for run in _runs(points) if any(each.low is not None for each in run)]
    drawn += [_path(plane.stroke(run), "stroke") for run in _runs(points)]
    drawn.append(Markup("</svg>"))
    drawn += [plane.dot(run[0]) for run in _runs(points) if len(run) == 1]
    if rule is not None:
        drawn.append(plane.across(rule, tell(rule)))
    shown = [each for each in marks if plane.left <= each.at <= plane.right]
    drawn += map(plane.mark, shown)
    drawn.append(Markup("</svg>"))
    last = known[-1].value or 0.0
    top = max(each.value or 0.0 for each in known)
    low = min(each.value or 0.0 for each in known)
    said = f"{title}: {tell(last)} last, {tell(low)} at the lowest, {tell(top)} at the highest"
    edges = Markup('<div class="edges" aria-hidden="true"><span>{}</span><span>{}</span></div>').format(
        tell(plane.top), tell(plane.bottom)
    )
    # A picture holds no links; a group may.
    role = "group" if any(each.link for each in shown) else "img"
    inner = Markup('<div class="field-of" role="{}" aria-label="{}">{}{}</div>').format(
        role, said, Markup("").join(drawn), edges
    )
    return _figure(title, tell(last), inner, ends)


def spark(points: Sequence[Point], title: str, rule: float | None = None) -> Markup:
    """A line without words beside a figure in a table; ``title`` says it to those who do not see it."""
    known = [each for each in points if each.value is not None]
    if not known:
        return Markup("")
    plane = _Plane.of(known, points, rule, None, None)
    drawn = [_svg_open("spark", title), _plane_open()]
    if rule is not None:
        y = plane.y(rule)
        drawn.append(_path(f"M0 {y:.1f}H{_WIDE:.0f}", "rule"))
    drawn += [_path(plane.stroke(run), "stroke") for run in _runs(points)]
    drawn.append(Markup("</svg>"))
    drawn += [plane.dot(run[0]) for run in _runs(points) if len(run) == 1]
    drawn.append(Markup("</svg>"))
    return Markup("").join(drawn)


def columns(slots: Sequence[Column], title: str, ends: tuple[str, str] = ("", "")) -> Markup:
    """A figure of how much there was in each slot of time, by part. A slot that has a link opens what it counts."""
    highest = max((sum(part.value for part in each.parts) for each in slots), default=0.0)
    if not highest:
        return _figure(title, "", Markup('<p class="muted small">No data yet.</p>'), ends=("", ""))
    step = 100.0 / len(slots)
    drawn = [Markup('<svg class="plot" role="group" aria-label="{}">').format(title)]
    for place, each in enumerate(slots):
        bars, base = [Markup("<title>{}</title>").format(each.words)], 100.0
        for part in each.parts:
            tall = 100.0 * part.value / highest
            if tall:
                base -= tall
                bars.append(
                    Markup('<rect class="{}" x="{:.3f}%" y="{:.2f}%" width="{:.3f}%" height="{:.2f}%"/>').format(
                        f"of-{part.tone}", place * step, base, step * 0.86, tall
                    )
                )
        if len(bars) > 1:
            bars.append(
                Markup('<rect class="slot" x="{:.3f}%" y="0" width="{:.3f}%" height="100%"/>').format(
                    place * step, step
                )
            )
            group = Markup("").join(bars)
            opened = Markup('<a href="{}" aria-label="{}">{}</a>').format(each.link, each.words, group)
            drawn.append(opened if each.link else Markup("<g>{}</g>").format(group))
    drawn.append(Markup("</svg>"))
    return _figure(title, "", Markup('<div class="field-of">{}</div>').format(Markup("").join(drawn)), ends)


def meter(parts: Sequence[Part], whole: float, title: str) -> Markup:
    """One bar of parts of a whole, such as what of a budget is spent and reserved. What goes beyond the whole fills it."""
    total = max(whole, sum(part.value for part in parts))
    if total <= 0 or not math.isfinite(total):
        return Markup("")
    drawn, at = [_svg_open("meter", title), Markup('<rect class="rail" width="100%" height="100%"/>')], 0.0
    for part in parts:
        wide = 100.0 * max(part.value, 0.0) / total
        drawn.append(
            Markup('<rect class="{}" x="{:.3f}%" width="{:.3f}%" height="100%"><title>{}</title></rect>').format(
                f"of-{part.tone}", at, wide, part.words
            )
        )
        at += wide
    drawn.append(Markup("</svg>"))
    return Markup("").join(drawn)


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where moments and values lie."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(
        cls,
        known: Sequence[Point],
        points: Sequence[Point],
        rule: float | None,
        floor: float | None,
        ceiling: float | None,
    ) -> _Plane:
        values = [each.value for each in known if each.value is not None]
        values += [end for each in known for end in (each.low, each.high) if end is not None]
        values += [each for each in (rule, floor, ceiling) if each is not None]
        bottom, top = min(values), max(values)
        if top == bottom:
            pad = abs(top) / 2 or 1.0
            bottom, top = (bottom, top + pad) if floor is not None else (bottom - pad, top + pad)
        return cls(points[0].at, points[-1].at, bottom, top)

    def x(self, at: float) -> float:
        reach = self.right - self.left
        return _WIDE * (at - self.left) / reach if reach else _WIDE / 2

    def y(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return _HIGH * (1 - _ROOM - min(max(share, 0.0), 1.0) * (1 - 2 * _ROOM))

    def stroke(self, run: Sequence[Point]) -> str:
        return "M" + "L".join(f"{self.x(each.at):.1f} {self.y(each.value or 0.0):.1f}" for each in run)

    def band(self, run: Sequence[Point]) -> str:
        there = [each for each in run if each.low is not None and each.high is not None]
        above = [f"{self.x(each.at):.1f} {self.y(each.high or 0.0):.1f}" for each in there]
        below = [f"{self.x(each.at):.1f} {self.y(each.low or 0.0):.1f}" for each in reversed(there)]
        return f"M{'L'.join(above + below)}Z"

    def dot(self, point: Point) -> Markup:
        """A value between two gaps, which has no line."""
        return Markup('<circle class="dot" cx="{:.2f}%" cy="{:.2f}%" r="2"/>').format(
            self.x(point.at) / 10, self.y(point.value or 0.0)
        )

    def across(self, value: float, words: str) -> Markup:
        y = self.y(value)
        below = y < _HIGH / 5  # above it there is no room
        return Markup(
            '<line class="rule" x1="0" x2="100%" y1="{0:.2f}%" y2="{0:.2f}%"/>'
            '<text class="ruled" x="0" y="{0:.2f}%" dy="{1}">{2}</text>'
        ).format(y, 13 if below else -3, words)

    def mark(self, mark: Mark) -> Markup:
        drawn = Markup(
            '<line class="mark" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="100%"/>'
            '<circle class="mark" cx="{0:.2f}%" cy="4" r="3"><title>{1}</title></circle>'
        ).format(self.x(mark.at) / 10, mark.words)
        if not mark.link:
            return drawn
        return Markup('<a href="{}" aria-label="{}">{}</a>').format(mark.link, mark.words, drawn)


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """The stretches without a gap."""
    found: list[list[Point]] = [[]]
    for each in points:
        if each.value is None:
            found.append([])
        else:
            found[-1].append(each)
    return [run for run in found if run]


def _figure(title: str, value: str, inner: Markup, ends: tuple[str, str]) -> Markup:
    said = Markup("<figcaption><span>{}</span>{}</figcaption>").format(
        title, Markup(" <strong>{}</strong>").format(value) if value else ""
    )
    below = (
        Markup('<div class="ends" aria-hidden="true"><span>{}</span><span>{}</span></div>').format(*ends)
        if any(ends)
        else ""
    )
    return Markup('<figure class="chart">{}{}{}</figure>').format(said, inner, below)


def _svg_open(name: str, title: str = "") -> Markup:
    if not title:
        return Markup('<svg class="{}">').format(name)
    return Markup('<svg class="{}" role="img" aria-label="{}">').format(name, title)


def _plane_open() -> Markup:
    return Markup('<svg width="100%" height="100%" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none">').format(
        _WIDE, _HIGH
    )


def _path(data: str, name: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(name, escape(data))
