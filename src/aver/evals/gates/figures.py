"""Every figure of a run: of all cases, and of each slice."""

from __future__ import annotations

from typing import TypedDict

from aver.evals.gates.estimating import figure
from aver.evals.gates.sheet import Sheet, columns, measures, slices
from aver.evals.statistics.intervals import Interval

__all__ = ["Figures", "figures"]


class Figures(TypedDict):
    """By measure; slices by tag."""

    overall: dict[str, Interval]
    slices: dict[str, dict[str, Interval]]


def figures(sheet: Sheet) -> Figures:
    """With their 95 % intervals."""
    names, peeked = measures(sheet.rows.values()), bool(sheet.header.stop_early)
    return {
        "overall": {name: figure(columns(sheet, name)[1], name, peeked=peeked) for name in names},
        "slices": {
            tag: {
                name: figure(rows, name, peeked=peeked) for name in names if len(rows := columns(sheet, name, tag)[1])
            }
            for tag in slices(sheet)
        },
    }
