"""An interval in a row of a table, as SVG made here: where it lies beside no change and beside its bound. Pure."""

from __future__ import annotations

from markupsafe import Markup

__all__ = ["whisker"]


def whisker(value: float, low: float, high: float, reach: float, title: str, tone: str = "accent") -> Markup:
    """``value`` with its interval's ends on a scale from ``-reach`` to ``reach`` with a rule at none; what goes beyond is cut at the edge. ``title`` says it to those
    who do not see it."""

    def x(of: float) -> float:
        return 50 + 50 * min(max(of / reach, -1.0), 1.0) if reach else 50.0

    left, right = x(low), x(high)
    return Markup(
        '<svg class="whisker" role="img" aria-label="{}"><line class="rule" x1="50%" x2="50%" y1="0" y2="100%"/>'
        '<rect class="reach of-{}" x="{:.2f}%" y="35%" width="{:.2f}%" height="30%"/>'
        '<circle class="of-{}" cx="{:.2f}%" cy="50%" r="3.5"/></svg>'
    ).format(title, tone, left, max(right - left, 0.4), tone, x(value))
