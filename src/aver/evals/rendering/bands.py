"""An interval as a picture: a band on a line, with the figure in it and the bound across it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Scale", "band", "scale_of"]

_WIDTH, _HEIGHT, _MARGIN = 200, 16, 4


@dataclass(frozen=True, slots=True)
class Scale:
    """What the two ends of the line stand for."""

    least: float
    most: float

    def place(self, value: float) -> float:
        """In units of the picture, within it."""
        share = (value - self.least) / (self.most - self.least)
        return round(_MARGIN + min(max(share, 0.0), 1.0) * (_WIDTH - 2 * _MARGIN), 1)


UNIT = Scale(0.0, 1.0)


def scale_of(values: list[float | None], *, around_zero: bool = False) -> Scale:
    """One that holds them all: symmetric for differences, from zero for amounts."""
    known = [abs(value) for value in values if value is not None]
    most = max(known, default=0.0) * 1.05 or 1.0
    return Scale(-most if around_zero else 0.0, most)


def band(
    value: float, low: float | None, high: float | None, scale: Scale, said: str, bound: float | None = None
) -> Markup:
    """SVG whose label is ``said``; its colours come from the page."""
    parts = [Markup('<line class="axis" x1="{}" x2="{}" y1="8" y2="8"/>').format(_MARGIN, _WIDTH - _MARGIN)]
    if scale.least < 0 < scale.most:
        parts.append(Markup('<line class="zero" x1="{0}" x2="{0}" y1="1" y2="15"/>').format(scale.place(0)))
    if low is not None and high is not None:
        start, end = scale.place(low), scale.place(high)
        parts.append(
            Markup('<rect class="spread" x="{}" y="5" width="{}" height="6" rx="2"/>').format(
                start, round(max(end - start, 1.0), 1)
            )
        )
    parts.append(
        Markup('<circle class="{}" cx="{}" cy="8" r="3"/>').format(
            "at" if low is not None else "alone", scale.place(value)
        )
    )
    if bound is not None:
        parts.append(Markup('<path class="bound" d="M{0} 0V16"/>').format(scale.place(bound)))
    return Markup('<svg class="band" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, said, Markup("").join(parts)
    )
