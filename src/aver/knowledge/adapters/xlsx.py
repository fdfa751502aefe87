"""Workbooks (XLSX, XLSM): every sheet that is shown under its name, with its tables, charts, text boxes and comments.

Cells read as they are shown: formulas by their last result, numbers and dates by their format. Hidden sheets are left out; hidden
rows and columns, which filters make and undo, are not.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters.charts import write_chart
from aver.knowledge.adapters.drawing import alternative, lines, write_lines
from aver.knowledge.adapters.grid import MOST_CELLS, MOST_CHARACTERS, Area, Cell, Sheet, write_sheet
from aver.knowledge.adapters.number_format import BUILT_IN, shown
from aver.knowledge.adapters.opc import Package
from aver.knowledge.draft import Draft, one_line

__all__ = ["read"]

_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})")
_MOST_COLUMNS, _MOST_ROWS = 16_384, 1_048_576
_ROWS = frozenset({"x.row", "x.mergeCell"})
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read(data: bytes) -> Draft:
    package = Package(data)
    name = package.target("officeDocument") or "xl/workbook.xml"
    workbook = package.part(name)
    if workbook is None or workbook.tag != "x.workbook":
        raise InvalidInput("The file holds no workbook that is read", "Save it again as XLSX.")
    draft = Draft()
    reader = _Reader(package, name, workbook)
    relations = package.relations(name)
    for entry in workbook.findall("x.sheets/x.sheet"):
        relation = relations.get(entry.get("r.id", ""))
        if relation is None or not relation.part or entry.get("state", "visible") != "visible":
            continue
        title = one_line(entry.get("name", ""))
        draft.at(anchor=title)
        draft.heading(title, 2)
        sheet = reader.sheet(title, relation.part)
        write_sheet(sheet, draft)
        draft.at(anchor=title)
        _write_drawing(package, relation.part, draft)
        _write_comments(package, name, sheet, relation.part, draft)
    return draft


class _Reader:
    """What the sheets of one workbook share: its texts, its formats, and the limit on all of them together."""

    def __init__(self, package: Package, name: str, workbook: Element) -> None:
        self._package = package
        self._cells = MOST_CELLS
        self._characters = MOST_CHARACTERS
        properties = workbook.find("x.workbookPr")
        self._from_1904 = properties is not None and properties.get("date1904", "0") in ("1", "true")
        self._formats = _formats(package.related("styles", name))
        self._strings = self._read_strings(package.target("sharedStrings", name))

    def sheet(self, title: str, part: str) -> Sheet:
        sheet = Sheet(title)
        row_number = -1
        for node in self._package.each(part, _ROWS):
            if node.tag == "x.mergeCell":
                if area := _area(node.get("ref", "")):
                    sheet.merge(area)
                continue
            row_number = _row_number(node.get("r", ""), row_number + 1)
            if row_number < _MOST_ROWS and (cells := self._row(node)):
                sheet.rows.setdefault(row_number, {}).update(cells)
        return sheet

    def _row(self, node: Element) -> dict[int, Cell]:
        cells: dict[int, Cell] = {}
        column = -1
        for child in node:
            if child.tag != "x.c":
                continue
            place = _REFERENCE.fullmatch(child.get("r", ""))
            column = _column(place[1]) if place else column + 1
            cell = self._cell(child)
            if cell.text and not cell.text.isspace() and column < _MOST_COLUMNS:
                self._count(cell.text)
                cells[column] = cell
        return cells

    def _count(self, text: str) -> None:
        self._cells -= 1
        self._characters -= len(text)
        if self._cells < 0 or self._characters < 0:
            limit = f"{MOST_CELLS:,} filled cells or {MOST_CHARACTERS:,} characters"
            raise TooLarge(
                f"The workbook holds more than {limit}", "Split it, or ingest the part that people ask about."
            )

    def _cell(self, node: Element) -> Cell:
        kind, value = node.get("t", "n"), ""
        for child in node:
            if child.tag == "x.v":
                value = child.text or ""
            elif child.tag == "x.is" and kind == "inlineStr":
                return Cell(_rich(child))
        if kind == "n":
            return self._number(value, node.get("s", "0"))
        if kind == "s":
            inside = value.isascii() and value.isdigit() and len(value) < 10 and int(value) < len(self._strings)
            return Cell(self._strings[int(value)] if inside else "")
        if kind == "b":
            return Cell({"1": "TRUE", "0": "FALSE"}.get(value, value), is_number=True)
        if kind == "d":
            return Cell(value.replace("T00:00:00", "").replace("T", " "), is_number=True)
        return Cell(_unescaped(value))

    def _number(self, value: str, style: str) -> Cell:
        try:
            number = float(value)
        except ValueError:
            return Cell(value)
        if not -1e308 < number < 1e308:
            return Cell(value)
        known = style.isascii() and style.isdigit() and len(style) < 7 and int(style) < len(self._formats)
        code = self._formats[int(style)] if known else ""
        return Cell(shown(number, code, from_1904=self._from_1904), is_number=code != "@")

    def _read_strings(self, part: str) -> list[str]:
        """The texts that cells share, each kept once."""
        strings: list[str] = []
        left = MOST_CHARACTERS
        for node in self._package.each(part, frozenset({"x.si"})) if part else ():
            strings.append(_rich(node))
            left -= len(strings[-1])
            if left < 0 or len(strings) > 2 * MOST_CELLS:
                raise TooLarge(f"The workbook's texts have more than {MOST_CHARACTERS:,} characters", "Split it.")
        return strings


def _formats(styles: Element | None) -> list[str]:
    """The format code of each cell style."""
    if styles is None:
        return []
    own = {node.get("numFmtId", ""): node.get("formatCode", "") for node in styles.findall("x.numFmts/x.numFmt")}
    identifiers = [node.get("numFmtId", "0") for node in styles.findall("x.cellXfs/x.xf")]
    built_in = {str(number): code for number, code in BUILT_IN.items()}
    return [own.get(each, built_in.get(each, "")) for each in identifiers]


def _rich(node: Element) -> str:
    """The text of a string with or without formatting; the sounds given for its characters are not part of it."""
    runs = [child for child in node if child.tag in ("x.t", "x.r")]
    return _unescaped("".join((run.text if run.tag == "x.t" else run.findtext("x.t")) or "" for run in runs))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _row_number(text: str, following: int) -> int:
    return int(text) - 1 if re.fullmatch(r"[1-9]\d{0,6}", text) else following


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _area(reference: str) -> Area | None:
    """``A1:B2`` as an area; ``None`` for anything else."""
    ends = [_REFERENCE.fullmatch(end) for end in reference.split(":")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    area = Area(int(ends[0][2]) - 1, _column(ends[0][1]), int(ends[1][2]) - 1, _column(ends[1][1]))
    ordered = area.top <= area.bottom < _MOST_ROWS and area.left <= area.right < _MOST_COLUMNS
    return area if ordered else None


def _write_drawing(package: Package, part: str, draft: Draft) -> None:
    """Charts, text boxes and pictures, which lie above the cells."""
    name = package.target("drawing", part)
    drawing = package.part(name) if name else None
    relations = package.relations(name) if drawing is not None else {}
    for node in drawing.iter() if drawing is not None else ():
        if node.tag == "c.chart":
            relation = relations.get(node.get("r.id", ""))
            if relation is not None and relation.part:
                write_chart(package.part(relation.part), draft)
        elif node.tag == "xdr.txBody":
            write_lines(lines(node), draft)
        elif node.tag == "xdr.pic":
            draft.caption(alternative(node.find("xdr.nvPicPr/xdr.cNvPr")))


def _write_comments(package: Package, workbook: str, sheet: Sheet, part: str, draft: Draft) -> None:
    """What people wrote beside the cells, each with its author: notes, then threads."""
    root = package.related("comments", part)
    authors = [node.text or "" for node in root.findall("x.authors/x.author")] if root is not None else []
    for node in root.iter("x.comment") if root is not None else ():
        number, text = node.get("authorId", ""), node.find("x.text")
        author = authors[int(number)] if re.fullmatch(r"\d{1,6}", number) and int(number) < len(authors) else ""
        if text is not None and not author.startswith("tc="):  # a copy of a thread for programs that know none
            _comment(sheet, node.get("ref", ""), author, _rich(text), draft)
    people = package.related("person", workbook)
    names = {node.get("id"): node.get("displayName", "") for node in people} if people is not None else {}
    for name in package.targets("threadedComment", part):
        root = package.part(name)
        for node in root.iter("tc.threadedComment") if root is not None else ():
            author = names.get(node.get("personId"), "")
            _comment(sheet, node.get("ref", ""), author, node.findtext("tc.text") or "", draft)


def _comment(sheet: Sheet, reference: str, author: str, text: str, draft: Draft) -> None:
    place = _REFERENCE.fullmatch(reference)
    row, column = (int(place[2]) - 1, _column(place[1])) if place else (0, 0)
    draft.at(anchor=sheet.anchor(Area(row, column, row, column)) if place else sheet.name)
    starts_so = not author or text.startswith(f"{author}:")  # as older programs begin each note
    draft.paragraph(text if starts_so or not text.strip() else f"{author}: {text}")
