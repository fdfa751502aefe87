"""Tables on printed pages: between rules, or by how words stand below one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from aver.knowledge.adapters.printed import Edge, Line, Page, Rules, Word, box_of

__all__ = ["Table", "TableRow", "split_tables"]

# In points. What is nearer is the same rule, or touches.
_SAME, _TOUCH = 4.0, 3.0
_MOST_RULES = 600
"""Of a page; a drawing has more."""
_WORDS_A_CELL = 40
"""Cells that hold more on average frame text, they do not tabulate."""
_MOST_HEADER_LINES = 6
_PROSE = 6
"""Words: columns whose pieces have as many in the middle are columns of running text."""
_WIDEST_GAP = 2.5
"""Line heights between two rows of a table."""
_LED = re.compile(r"(?:[^\w\s]|[\uf000-\uf0ff]|\(?\w{1,4}[.)]|\d{1,3})$")
_LEADERS = re.compile(r"(?:\.[ ]?){6,}")


class TableRow(NamedTuple):
    cells: tuple[str, ...]
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[TableRow, ...]
    box: tuple[float, float, float, float]
    """Left, bottom, right and top, in points."""
    header: int
    """How many rows at the top name the columns."""


def split_tables(page: Page) -> list[Line | Table]:
    """The lines of a page in their order, those of a table replaced by the table; text that runs across two columns in the file
    is put into columns."""
    content: list[Line | Table] = list(page.lines)
    for grid in _grids(page.rules):
        content = _ruled(grid, content)
    done: list[Line | Table] = []
    lines: list[Line] = []
    for each in content:
        if isinstance(each, Table):
            done += [*_aligned(lines), each]
            lines = []
        else:
            lines.append(each)
    return [*done, *_aligned(lines)]


# -- between rules ----------------------------------------------------------------------------------------------------------


class _Grid(NamedTuple):
    xs: list[float]
    ys: list[float]
    """From the top down."""


def _grids(rules: Rules) -> Iterator[_Grid]:
    """Where rules cross to make at least two rows of two columns."""
    across, down = _whole(rules.horizontal), _whole(rules.vertical)
    if not across or not down or len(across) + len(down) > _MOST_RULES:
        return
    group = list(range(len(across) + len(down)))

    def root(at: int) -> int:
        while group[at] != at:
            group[at] = at = group[group[at]]
        return at

    for i, h in enumerate(across):
        for j, v in enumerate(down, len(across)):
            if h.start - _TOUCH <= v.at <= h.end + _TOUCH and v.start - _TOUCH <= h.at <= v.end + _TOUCH:
                group[root(i)] = root(j)
    for one in sorted({root(at) for at in range(len(group))}):
        horizontal = [edge for i, edge in enumerate(across) if root(i) == one]
        vertical = [edge for j, edge in enumerate(down, len(across)) if root(j) == one]
        if not horizontal or not vertical:
            continue
        ends = [min(h.start for h in horizontal), max(h.end for h in horizontal)]
        xs = _clustered([*(v.at for v in vertical), *ends])
        ends = [min(v.start for v in vertical), max(v.end for v in vertical)]
        ys = _clustered([*(h.at for h in horizontal), *ends])[::-1]
        if len(xs) >= 3 and len(ys) >= 3:
            yield _Grid(xs, ys)


def _whole(edges: Sequence[Edge]) -> list[Edge]:
    """Pieces of one rule put together."""
    whole: list[Edge] = []
    for edge in sorted(edges, key=lambda each: (round(each.at / _SAME), each.start)):
        before = whole[-1] if whole else None
        if before is not None and abs(before.at - edge.at) <= _SAME and edge.start <= before.end + _TOUCH:
            whole[-1] = Edge(before.at, before.start, max(before.end, edge.end))
        else:
            whole.append(edge)
    return [edge for edge in whole if edge.end - edge.start > 2 * _SAME]


def _clustered(values: Sequence[float]) -> list[float]:
    clusters: list[float] = []
    for value in sorted(values):
        if not clusters or value - clusters[-1] > _SAME:
            clusters.append(value)
    return clusters


def _ruled(grid: _Grid, content: Sequence[Line | Table]) -> list[Line | Table]:
    """``content`` with the words within ``grid`` as a table, if they make one."""
    inside: dict[tuple[int, int], list[Line]] = {}
    rest: list[Line | Table] = []
    place = -1
    for each in content:
        if isinstance(each, Table):
            rest.append(each)
            continue
        row = _band(grid.ys, (each.bottom + each.top) / 2)
        found: dict[int, list[Word]] = {}
        for word in each.words:
            column = -1 if row < 0 else _band(grid.xs, (word.left + word.right) / 2)
            found.setdefault(column, []).append(word)
        outside = found.pop(-1, [])
        if found and place < 0:
            place = len(rest)
        for column, words in found.items():
            inside.setdefault((row, column), []).append(each.of(words))
        if outside:
            rest.append(each if not found else each.of(outside))
    table = _tabulated(grid, inside)
    return list(content) if table is None else [*rest[:place], table, *rest[place:]]


def _tabulated(grid: _Grid, inside: dict[tuple[int, int], list[Line]]) -> Table | None:
    columns = sorted({column for _, column in inside})
    bands = sorted({row for row, _ in inside})
    words = sum(len(line.words) for lines in inside.values() for line in lines)
    if len(columns) < 2 or words > _WORDS_A_CELL * len(inside):
        return None
    rows: list[TableRow] = []
    for band in bands:
        cells = [inside.get((band, column), []) for column in columns]
        for part in _lines_as_rows(cells) if len(bands) <= 2 else [cells]:
            some = [line for lines in part for line in lines]
            _, bottom, _, top = box_of(some)
            rows.append(TableRow(tuple(_cell(lines) for lines in part), bottom, top))
    if len(rows) < 2:
        return None
    box = (grid.xs[0], grid.ys[-1], grid.xs[-1], grid.ys[0])
    return Table(tuple(rows), box, _header_rows(rows))


def _lines_as_rows(cells: list[list[Line]]) -> list[list[list[Line]]]:
    """The rows of a band that has no rules between them: its printed lines, where most go across the columns."""
    lines = sorted((line for some in cells for line in some), key=lambda line: -line.top)
    levels: list[float] = []
    for line in lines:
        if not levels or levels[-1] - line.bottom > 0.5 * line.height:
            levels.append(line.bottom)
    parts: list[list[list[Line]]] = [[[] for _ in cells] for _ in levels]
    for column, some in enumerate(cells):
        for line in some:
            nearest = min(range(len(levels)), key=lambda at: abs(levels[at] - line.bottom))
            parts[nearest][column].append(line)
    across = sum(sum(bool(lines) for lines in part) >= 2 for part in parts)
    return parts if len(parts) >= 3 and across >= 0.8 * len(parts) else [cells]


def _band(edges: Sequence[float], at: float) -> int:
    """Between which two of ``edges``, which rise or fall, ``at`` is; -1 outside."""
    for place, (one, other) in enumerate(pairwise(edges)):
        if min(one, other) <= at <= max(one, other):
            return place
    return -1


def _cell(lines: Sequence[Line]) -> str:
    ordered = sorted(lines, key=lambda line: (-round(line.bottom / max(line.height, 1)), line.left))
    return " ".join(line.text for line in ordered)


def _header_rows(rows: Sequence[TableRow]) -> int:
    """One, when the first row has a name for every column but the first, and no figures where the others have some."""
    first, others = rows[0].cells, rows[1:]
    if len(others) < 2 and not any(_is_figure(cell) for row in others for cell in row.cells):
        return int(len(others) == 1 and all(first))
    named = all(first[1:]) and not any(_is_figure(cell) for cell in first)
    return int(named)


def _is_figure(cell: str) -> bool:
    return bool(re.fullmatch(r"[^\w\s]{0,2}\d[\d.,:/%\s-]*\w{0,3}[^\w\s]{0,2}", cell)) and not re.fullmatch(
        r"(?:19|20)\d\d", cell
    )


# -- by how words stand -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """What stands side by side: pieces of lines with wide gaps between them."""

    pieces: list[Line] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def bottom(self) -> float:
        return min(piece.bottom for piece in self.pieces)

    @property
    def top(self) -> float:
        return max(piece.top for piece in self.pieces)

    @property
    def is_split(self) -> bool:
        led = len(self.pieces) == 2 and _LED.match(self.pieces[0].text) is not None
        leads = any(_LEADERS.search(piece.text) for piece in self.pieces)
        return len(self.pieces) >= 2 and not led and not leads


def _aligned(lines: Sequence[Line]) -> list[Line | Table]:
    rows = _rows(lines)
    done: list[Line | Table] = []
    at = 0
    while at < len(rows):
        end = _run(rows, at) if rows[at].is_split else at
        made = _made_of(rows[at:end], rows[max(at - _MOST_HEADER_LINES, 0) : at]) if end - at >= 2 else None
        if made is None:
            done += rows[at].lines
            at += 1
        else:
            parts, above = made
            del done[len(done) - above :]
            done += parts
            at = end
    return done


def _rows(lines: Sequence[Line]) -> list[_Row]:
    rows: list[_Row] = []
    for line in lines:
        pieces = [line] if line.rtl else _pieces(line)
        before = rows[-1].pieces[-1] if rows else None
        if before is not None and not line.rtl and not before.rtl:
            overlap = min(before.top, line.top) - max(before.bottom, line.bottom)
            if overlap > 0.5 * min(before.height, line.height) and line.left >= before.right - 0.5 * line.height:
                rows[-1].pieces += pieces
                rows[-1].lines.append(line)
                continue
        rows.append(_Row(pieces, [line]))
    return rows


def _pieces(line: Line) -> list[Line]:
    cuts = [at for at, (one, other) in enumerate(pairwise(line.words), 1) if other.left - one.right > line.height]
    if not cuts:
        return [line]
    return [line.of(line.words[start:end]) for start, end in pairwise([0, *cuts, len(line.words)])]


def _run(rows: Sequence[_Row], start: int) -> int:
    """Where the rows that go on below ``rows[start]`` end: split ones, with at most two others between them."""
    left, _, right, _ = box_of(rows[start].pieces)
    end = start + 1
    for at in range(start + 1, len(rows)):
        row, before = rows[at], rows[at - 1]
        gap, height = before.bottom - row.top, row.pieces[0].height
        if not -0.5 * height <= gap <= _WIDEST_GAP * height or row.pieces[0].rtl:
            break
        row_left, _, row_right, _ = box_of(row.pieces)
        if row.is_split:
            left, right = min(left, row_left), max(right, row_right)
            end = at + 1
        elif at - end >= 2 or row_right - row_left > 0.6 * (right - left) or row_left > right or row_right < left:
            break
    return end


def _made_of(rows: Sequence[_Row], before: Sequence[_Row]) -> tuple[list[Line | Table], int] | None:
    """A table, or columns of text, or nothing of either; and how many lines of the rows ``before`` are the table's header."""
    split = [row for row in rows if row.is_split]
    columns = _columns(split)
    placed = [{_column(columns, piece) for piece in row.pieces} for row in split] if columns else []
    few = len(columns) < 2 or len(split) < (3 if len(columns) == 2 else 2)
    if few or sum(len(each) >= 2 for each in placed) < 0.7 * len(placed):
        return None
    words = [len(piece.words) for row in split for piece in row.pieces]
    if median(words) >= _PROSE:
        if len(split) < 4 or len(columns) > 3:
            return None
        text: list[list[Line]] = [[] for _ in columns]
        for row in rows:
            for piece in row.pieces:
                text[_column(columns, piece)].append(piece)
        return [line for lines in text for line in lines], 0
    table_rows = _table_rows(rows, columns)
    if len(table_rows) < 2:
        return None
    above = _names(before, rows[0], columns)
    pieces = [piece for row in (*above, *rows) for piece in row.pieces]
    if not above:
        return [Table(tuple(table_rows), box_of(pieces), _header_rows(table_rows))], 0
    named = [
        [piece for row in above for piece in row.pieces if _column(columns, piece) == at] for at in range(len(columns))
    ]
    header = TableRow(tuple(_cell(some) for some in named), above[-1].bottom, above[0].top)
    return [Table((header, *table_rows), box_of(pieces), 1)], sum(len(row.lines) for row in above)


def _names(before: Sequence[_Row], first: _Row, columns: Sequence[tuple[float, float]]) -> list[_Row]:
    """The rows right above a table that stand over its columns, and over two of them at least: their names, in several lines."""
    above: list[_Row] = []
    covered: set[int] = set()
    top = first.top
    for row in reversed(before):
        height = row.pieces[0].height
        over = [
            [at for at, (left, right) in enumerate(columns) if left < piece.right and piece.left < right]
            for piece in row.pieces
        ]
        is_near = (
            row.pieces[0].rtl is False and row.bottom > first.top - height and row.bottom - top <= _WIDEST_GAP * height
        )
        if not is_near or any(len(each) != 1 for each in over):
            break
        above.insert(0, row)
        covered |= {each[0] for each in over}
        top = max(top, row.top)
    return above if len(covered) >= 2 else []


def _columns(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """The columns: what lies between strips that next to no row prints in."""
    marks = sorted(
        mark for row in rows for piece in row.pieces for mark in ((piece.left, 1), (piece.right, -1)) if row.is_split
    )
    few = int(0.1 * len(rows))
    columns: list[tuple[float, float]] = []
    depth, start = 0, 0.0
    for at, step in marks:
        if depth <= few < depth + step:
            start = at
        elif depth > few >= depth + step:
            if columns and start - columns[-1][1] < 2.0:
                columns[-1] = (columns[-1][0], at)
            else:
                columns.append((start, at))
        depth += step
    return columns


def _column(columns: Sequence[tuple[float, float]], piece: Line) -> int:
    def apart(at: int) -> tuple[float, float]:
        left, right = columns[at]
        overlap = min(right, piece.right) - max(left, piece.left)
        return -overlap, abs(left - piece.left)

    return min(range(len(columns)), key=apart)


def _table_rows(rows: Sequence[_Row], columns: Sequence[tuple[float, float]]) -> list[TableRow]:
    filled: list[list[list[str]]] = []
    spans: list[list[float]] = []
    gaps = [before.bottom - row.top for before, row in pairwise(rows)]
    usual = median(gaps) if gaps else 0.0
    for at, row in enumerate(rows):
        cells: list[list[str]] = [[] for _ in columns]
        for piece in row.pieces:
            cells[_column(columns, piece)].append(piece.text)
        tight = at > 0 and gaps[at - 1] < 0.6 * usual
        alone = sum(map(bool, cells)) == 1
        lower = next(text for texts in cells for text in texts)[0].islower()
        if filled and ((not cells[0] and (tight or alone)) or (alone and lower)):
            filled[-1] = [cell + more for cell, more in zip(filled[-1], cells, strict=True)]
            spans[-1][0] = row.bottom
        else:
            filled.append(cells)
            spans.append([row.bottom, row.top])
    return [
        TableRow(tuple(" ".join(cell) for cell in cells), bottom, top)
        for cells, (bottom, top) in zip(filled, spans, strict=True)
    ]
