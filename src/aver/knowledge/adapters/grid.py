"""The tables on a sheet: where each begins and ends, which rows name its columns, and where its rows stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from aver.core.errors import TooLarge
from aver.knowledge.draft import Draft

__all__ = ["MOST_CELLS", "MOST_CHARACTERS", "Area", "Cell", "Sheet", "column_name", "write_sheet"]

MOST_CELLS = 500_000
"""Filled cells of all sheets together."""
MOST_CHARACTERS = 20_000_000
"""Of all cells together."""
_MOST_WRITTEN = 4_000_000
"""Cells that tables take, empty ones between filled ones included."""
_MOST_MERGED, _LARGEST_MERGED = 200_000, 10_000
"""Cells that merged ones cover: all together, and one of them."""
_DEEPEST = 12
"""How often a region is cut again before it is taken for one table."""
_LONG_LINE = 60
"""Characters; a column with longer texts is prose, not a list."""
_HEADER_FILLED = 0.6
_YEAR = re.compile(r"(?:19|20)\d\d")


class Cell(NamedTuple):
    text: str
    is_number: bool = False
    """Or a date, or true or false: what a column's name is not."""


class Area(NamedTuple):
    """Rows and columns from 0, both ends included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def name(self) -> str:
        """``A2:D9``, or ``A2`` for one cell."""
        first, last = f"{column_name(self.left)}{self.top + 1}", f"{column_name(self.right)}{self.bottom + 1}"
        return first if first == last else f"{first}:{last}"


@dataclass(slots=True)
class Sheet:
    """``rows[row][column]`` holds the filled cells, both counted from 0."""

    name: str
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    merged: dict[int, list[Area]] = field(default_factory=dict)
    """By the row that they begin in."""

    def merge(self, area: Area) -> None:
        self.merged.setdefault(area.top, []).append(area)

    def anchor(self, area: Area) -> str:
        name = self.name if re.fullmatch(r"\w+", self.name) else "'" + self.name.replace("'", "''") + "'"
        return f"{name}!{area.name}" if self.name else area.name


def column_name(column: int) -> str:
    """0 -> ``A``, 26 -> ``AA``."""
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def write_sheet(sheet: Sheet, draft: Draft) -> None:
    """Append the tables of a sheet from the top, each row at its anchor; what stands alone becomes a paragraph.

    Raises :class:`TooLarge` when the tables would be mostly empty and enormous.
    """
    _fill_merged(sheet)
    written = 0
    for area in _joined(sheet, _areas(sheet, _all(sheet), 0)):
        written += (area.bottom - area.top + 1) * (area.right - area.left + 1)
        if written > _MOST_WRITTEN:
            raise TooLarge(
                f"The tables on the sheet {sheet.name!r} span more than {_MOST_WRITTEN:,} cells", "Split the sheet."
            )
        draft.gap()
        _write_area(sheet, area, draft)
    draft.gap()


def _fill_merged(sheet: Sheet) -> None:
    """A merged cell's value stands in all of its cells, so that each row says it all. Merged cells of absurd size or
    number keep theirs in the first."""
    left = _MOST_MERGED
    for area in [area for areas in sheet.merged.values() for area in areas]:
        cell = sheet.rows.get(area.top, {}).get(area.left)
        size = (area.bottom - area.top + 1) * (area.right - area.left + 1)
        if cell is None or size > _LARGEST_MERGED or size > left:
            continue
        left -= size
        for row in range(area.top, area.bottom + 1):
            for column in range(area.left, area.right + 1):
                sheet.rows.setdefault(row, {}).setdefault(column, cell)


def _all(sheet: Sheet) -> list[Area]:
    columns = [column for row in sheet.rows.values() for column in (min(row), max(row)) if row]
    return [Area(min(sheet.rows), min(columns), max(sheet.rows), max(columns))] if columns else []


def _areas(sheet: Sheet, areas: Iterable[Area], depth: int) -> Iterator[Area]:
    """Cut along empty rows, then along empty columns, until nothing is left to cut."""
    for area in areas:
        bands = [_trimmed(sheet, band) for band in _bands(sheet, area)]
        parts = [part for band in bands for part in _columns(sheet, band)]
        if parts == [area] or depth >= _DEEPEST:
            yield area
        else:
            yield from _areas(sheet, parts, depth + 1)


def _rows(sheet: Sheet, area: Area) -> list[int]:
    """The rows of ``area`` with a filled cell in it."""
    span = range(area.top, area.bottom + 1)
    numbers = span if len(span) < len(sheet.rows) else sorted(row for row in sheet.rows if row in span)
    return [
        number for number in numbers if any(area.left <= column <= area.right for column in sheet.rows.get(number, ()))
    ]


def _bands(sheet: Sheet, area: Area) -> Iterator[Area]:
    start = last = None
    for row in _rows(sheet, area):
        if start is None or last is None:
            start = row
        elif row > last + 1:
            yield area._replace(top=start, bottom=last)
            start = row
        last = row
    if start is not None and last is not None:
        yield area._replace(top=start, bottom=last)


def _trimmed(sheet: Sheet, area: Area) -> Area:
    filled = _filled_columns(sheet, area)
    return area._replace(left=filled[0], right=filled[-1])


def _columns(sheet: Sheet, area: Area) -> Iterator[Area]:
    filled = _filled_columns(sheet, area)
    start = last = filled[0]
    for column in filled[1:]:
        if column > last + 1:
            yield area._replace(left=start, right=last)
            start = column
        last = column
    yield area._replace(left=start, right=last)


def _filled_columns(sheet: Sheet, area: Area) -> list[int]:
    rows = (sheet.rows.get(row, {}) for row in range(area.top, area.bottom + 1))
    return sorted({column for row in rows for column in row if area.left <= column <= area.right})


def _joined(sheet: Sheet, areas: Iterable[Area]) -> list[Area]:
    """A table that goes on after one empty row is one table, unless the rows after it have a header of their own."""
    joined: list[Area] = []
    latest: dict[tuple[int, int], int] = {}
    for area in areas:
        columns = (area.left, area.right)
        above = latest.get(columns)
        if (
            above is not None
            and area.right > area.left
            and area.top == joined[above].bottom + 2
            and not _is_header(sheet, area)
        ):
            joined[above] = joined[above]._replace(bottom=area.bottom)
        else:
            latest[columns] = len(joined)
            joined.append(area)
    return joined


def _write_area(sheet: Sheet, area: Area, draft: Draft) -> None:
    while area.bottom > area.top and area.right > area.left and (title := _title(sheet, area)):
        draft.at(anchor=sheet.anchor(area._replace(bottom=area.top)))
        draft.caption(title)
        area = area._replace(top=area.top + 1)
    header = _is_header(sheet, area)
    headers = 1 + (header and _is_spanned(sheet, area) and area.bottom > area.top + 1)
    prose = _is_prose(sheet, area)
    for row in _rows(sheet, area):
        line = area._replace(top=row, bottom=row)
        if prose:
            column = next(column for column in sheet.rows[row] if area.left <= column <= area.right)
            draft.at(anchor=sheet.anchor(line._replace(left=column, right=column)))
            draft.paragraph(sheet.rows[row][column].text)
        else:
            draft.at(anchor=sheet.anchor(line))
            draft.row(_texts(sheet, area, row), header=header and row < area.top + headers)


def _is_prose(sheet: Sheet, area: Area) -> bool:
    """Whether no two cells stand side by side: a text alone, a column of sentences, remarks here and there."""
    lines = [[text for text in _texts(sheet, area, row) if text] for row in _rows(sheet, area)]
    if any(len(texts) > 1 for texts in lines):
        return False
    long = any(len(text) > _LONG_LINE for texts in lines for text in texts)
    return long or len(lines) == 1 or area.left < area.right


def _texts(sheet: Sheet, area: Area, row: int) -> list[str]:
    cells = sheet.rows.get(row, {})
    return [cells[column].text if column in cells else "" for column in range(area.left, area.right + 1)]


def _title(sheet: Sheet, area: Area) -> str:
    """The one text of the first row when it stands over a table: alone at the left, or merged across all columns."""
    cells = [cell for column, cell in sorted(sheet.rows.get(area.top, {}).items()) if area.left <= column <= area.right]
    across = any(
        merged.bottom == area.top and merged.left <= area.left and merged.right >= area.right
        for merged in sheet.merged.get(area.top, ())
    )
    alone = len(cells) == 1 and area.left in sheet.rows[area.top]
    below = sum(bool(text) for text in _texts(sheet, area, area.top + 1))
    return cells[0].text if (across or (alone and below > 1)) and not cells[0].is_number else ""


def _is_header(sheet: Sheet, area: Area) -> bool:
    """Whether the first row names the columns: texts (or years) nearly all across, over at least one more row."""
    if area.top == area.bottom:
        return False
    cells = [cell for column, cell in sheet.rows.get(area.top, {}).items() if area.left <= column <= area.right]
    names = [cell for cell in cells if not cell.is_number or _YEAR.fullmatch(cell.text)]
    if len(names) < len(cells) or len(cells) < _HEADER_FILLED * (area.right - area.left + 1):
        return False
    return any(not cell.is_number for cell in cells) or len(cells) > 1


def _is_spanned(sheet: Sheet, area: Area) -> bool:
    """Whether a name in the first row stands over several columns, so that the second row names them one by one."""
    return any(
        merged.bottom == area.top and area.left <= merged.left < merged.right <= area.right
        for merged in sheet.merged.get(area.top, ())
    )
