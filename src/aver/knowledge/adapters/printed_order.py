"""In which order the parts of a printed page are read, where the file does not say: recursive cuts along white strips."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from aver.knowledge.adapters.printed import Line, Page
from aver.knowledge.adapters.printed_tables import Table

__all__ = ["in_reading_order"]

Part = Line | Table
_UPWARD = 0.05
"""Of the parts: a page where more of them stand above the one before, in the same column, was not written in reading order."""
_DEEPEST = 40


def in_reading_order(page: Page, parts: list[Part]) -> list[Part]:
    if any(isinstance(part, Line) and part.rtl for part in parts):
        return parts
    upward = sum(
        _bottom(after) > _top(before) and _left(after) < _right(before) and _left(before) < _right(after)
        for before, after in pairwise(parts)
    )
    if page.in_order and upward < max(3, _UPWARD * len(parts)):
        return parts
    heights = [part.height for part in parts if isinstance(part, Line)]
    return _cut(parts, median(heights) if heights else 10.0, _DEEPEST)


def _cut(parts: list[Part], height: float, depth: int) -> list[Part]:
    """Into columns where a strip goes from top to bottom, else in two at the widest strip from side to side."""
    if len(parts) < 2 or not depth:
        return _rows(parts)
    columns = _apart(parts, _left, _right, height)
    if len(columns) > 1 and all(len(column) > 1 for column in columns):
        return [part for column in columns for part in _cut(column, height, depth - 1)]
    strips = _apart(parts, lambda part: -_top(part), lambda part: -_bottom(part), 0.3 * height)
    if len(strips) < 2:
        return _rows(parts)
    ends = [min(map(_bottom, strip)) for strip in strips]
    tops = [max(map(_top, strip)) for strip in strips]
    widest = max(range(1, len(strips)), key=lambda at: ends[at - 1] - tops[at])
    first = [part for strip in strips[:widest] for part in strip]
    second = [part for strip in strips[widest:] for part in strip]
    return [*_cut(first, height, depth - 1), *_cut(second, height, depth - 1)]


def _apart(parts: Sequence[Part], start: object, end: object, least: float) -> list[list[Part]]:
    """Groups with at least ``least`` of white between them, along the axis that ``start`` and ``end`` measure."""
    assert callable(start)
    assert callable(end)
    groups: list[list[Part]] = []
    reach = float("-inf")
    for part in sorted(parts, key=start):
        if not groups or start(part) - reach > least:
            groups.append([])
        groups[-1].append(part)
        reach = max(reach, end(part))
    return groups


def _rows(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (-round(_bottom(part) / 4), _left(part)))


def _left(part: Part) -> float:
    return part.box[0] if isinstance(part, Table) else part.left


def _right(part: Part) -> float:
    return part.box[2] if isinstance(part, Table) else part.right


def _bottom(part: Part) -> float:
    return part.box[1] if isinstance(part, Table) else part.bottom


def _top(part: Part) -> float:
    return part.box[3] if isinstance(part, Table) else part.top
