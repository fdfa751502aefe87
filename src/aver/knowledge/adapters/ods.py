"""OpenDocument sheets (ODS): every sheet that is shown under its name, its cells as they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from aver.core.errors import TooLarge
from aver.knowledge.adapters.grid import MOST_CELLS, MOST_CHARACTERS, Area, Cell, Sheet, write_sheet
from aver.knowledge.adapters.odf import OpenDocument, Styles, Writer, inline, number
from aver.knowledge.draft import Draft, one_line

__all__ = ["read"]

_NUMBERS = frozenset({"float", "percentage", "currency", "date", "time", "boolean"})
_MOST_COLUMNS, _MOST_ROWS = 16_384, 1_048_576
_GROUPS = frozenset({"table.table-header-rows", "table.table-rows", "table.table-row-group"})


def read(data: bytes) -> Draft:
    document = OpenDocument(data)
    body, styles = document.body("spreadsheet"), document.styles()
    hidden = styles.hidden_tables()
    draft = Draft()
    reader = _Reader(styles)
    for table in body.findall("table.table"):
        if table.get("table.style-name", "") in hidden:
            continue
        sheet = reader.sheet(table)
        draft.at(anchor=sheet.name)
        draft.heading(sheet.name, 2)
        write_sheet(sheet, draft)
        draft.at(anchor=sheet.name)
        for shapes in table.findall("table.shapes"):
            Writer(draft, styles).blocks(shapes)
    return draft


class _Reader:
    """Fills sheets; counts the cells of all of them together."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._cells = MOST_CELLS
        self._characters = MOST_CHARACTERS

    def sheet(self, table: Element) -> Sheet:
        sheet = Sheet(one_line(table.get("table.name", "")))
        row = 0
        for node in _rows(table):
            cells = self._row(node, row, sheet)
            times = number(node.get("table.number-rows-repeated", "1"))
            for place in range(row, min(row + times, _MOST_ROWS)) if cells else ():
                sheet.rows[place] = dict(cells)
                self._count(cells)
            row += times
        return sheet

    def _row(self, node: Element, row: int, sheet: Sheet) -> dict[int, Cell]:
        cells: dict[int, Cell] = {}
        column = 0
        for child in node:
            if child.tag not in ("table.table-cell", "table.covered-table-cell"):
                continue
            times = number(child.get("table.number-columns-repeated", "1"))
            text = "\n".join("".join(inline(line, self._styles)) for line in child.iterfind("text.p")).strip()
            if text and child.tag == "table.table-cell":
                cell = Cell(text, child.get("office.value-type", "") in _NUMBERS)
                cells.update(dict.fromkeys(range(column, min(column + times, _MOST_COLUMNS)), cell))
                down = number(child.get("table.number-rows-spanned", "1"))
                across = number(child.get("table.number-columns-spanned", "1"))
                if down * across > 1:
                    last = min(row + down, _MOST_ROWS) - 1, min(column + across, _MOST_COLUMNS) - 1
                    sheet.merge(Area(row, column, *last))
            column += times
        return cells

    def _count(self, cells: dict[int, Cell]) -> None:
        self._cells -= len(cells)
        self._characters -= sum(len(cell.text) for cell in cells.values())
        if self._cells < 0 or self._characters < 0:
            limit = f"{MOST_CELLS:,} filled cells or {MOST_CHARACTERS:,} characters"
            raise TooLarge(
                f"The sheets hold more than {limit}", "Split them, or ingest the part that people ask about."
            )


def _rows(parent: Element) -> Iterator[Element]:
    for node in parent:
        if node.tag == "table.table-row":
            yield node
        elif node.tag in _GROUPS:
            yield from _rows(node)
