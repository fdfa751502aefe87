"""Word documents (DOCX): paragraphs, headings, lists and tables in reading order.

Content controls, hyperlinks, fields, text boxes, formulas and insertions are read; deletions, hidden text, headers, footers, comments and
tables of contents are not. Footnotes and endnotes follow the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from aver.core.errors import InvalidInput
from aver.knowledge.adapters.docx_math import formula
from aver.knowledge.adapters.docx_styles import Numbering, Styles
from aver.knowledge.adapters.opc import Package
from aver.knowledge.draft import Draft

__all__ = ["read"]

_SKIPPED = frozenset(
    {
        "del",
        "moveFrom",
        "instrText",
        "delText",
        "rPr",
        "pPr",
        "tblPr",
        "trPr",
        "tcPr",
        "sdtPr",
        "sectPr",
    }
)
_CHARACTERS = {"tab": " ", "cr": "\n", "noBreakHyphen": "-", "ptab": " "}
_FIRST_ROW = 0x20
_SYMBOLS = {"F0FE": "☒", "F0FD": "☒", "F0A8": "☐", "F06F": "☐", "F0FC": "✓", "F0E0": "→", "F0B7": "•"}
"""Of the fonts Wingdings and Symbol, those that mean something in a sentence."""


def read(data: bytes) -> Draft:
    package = Package(data)
    name = package.target("officeDocument") or "word/document.xml"
    document = package.part(name)
    body = document.find("body") if document is not None else None
    if body is None:
        raise InvalidInput("The file holds no Word document", "Save it again as DOCX.")
    draft = Draft()
    writer = _Writer(draft, Styles(package.related("styles", name)), Numbering(package.related("numbering", name)))
    writer.blocks(body)
    for kind in ("footnotes", "endnotes"):
        draft.gap()
        notes = package.related(kind, name)
        for note in notes if notes is not None else ():
            if note.get("type") in (None, "normal"):
                writer.blocks(note)
    return draft


class _Writer:
    def __init__(self, draft: Draft, styles: Styles, numbering: Numbering) -> None:
        self._draft = draft
        self._styles = styles
        self._numbering = numbering
        self._boxes: list[Element] = []
        self._paragraphs = 0
        self._tables = 0

    def blocks(self, parent: Element) -> None:
        """Write the paragraphs and tables below ``parent``."""
        for node in _chosen(parent):
            if node.tag == "p":
                self._paragraph(node)
            elif node.tag == "tbl":
                self._table(node)
            elif node.tag not in _SKIPPED:
                self.blocks(node)

    def _paragraph(self, node: Element) -> None:
        self._paragraphs += 1
        self._draft.at(anchor=f"paragraph {self._paragraphs}")
        style = self._styles.of(node.find("pPr"))
        text = "".join(self._inline(node)).strip()
        label = self._numbering.label(*style.numbering) if style.numbering else ""
        if style.is_contents:
            return
        if style.level and text:
            self._draft.heading(f"{label} {text}" if label and label != "-" else text, style.level)
        elif label:
            marker = f"{label}." if label[-1].isalnum() else label
            self._draft.item(text, depth=style.numbering[1] if style.numbering else 0, marker=marker)
        elif style.is_caption:
            self._draft.caption(text)
        else:
            self._draft.paragraph(text)
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            self.blocks(box)

    def _inline(self, node: Element) -> Iterator[str]:
        raised = node.tag == "r" and node.find("rPr/vertAlign[@val='superscript']") is not None
        if node.tag == "r" and _is_on(node.find("rPr/vanish")):
            return
        for child in _chosen(node):
            tag = child.tag
            if tag == "t":
                text = child.text or ""
                yield f"^{text}" if raised and text[:1].isdigit() else text
            elif tag in _CHARACTERS:
                yield _CHARACTERS[tag]
            elif tag == "br":
                yield "\n" if child.get("type", "textWrapping") == "textWrapping" else " "
            elif tag == "sym":
                yield _SYMBOLS.get(child.get("char", "").upper(), "")
            elif tag == "m.oMath":
                yield formula(child)
            elif tag == "txbxContent":
                self._boxes.append(child)
            elif tag not in _SKIPPED:
                yield from self._inline(child)

    def _table(self, table: Element) -> None:
        rows = [list(_children(row, "tc")) for row in _children(table, "tr")]
        if max((len(cells) for cells in rows), default=0) < 2:  # a frame around text
            for cells in rows:
                for cell in cells:
                    self.blocks(cell)
            return
        self._draft.gap()
        self._tables += 1
        headers = _header_rows(table)
        above: dict[int, str] = {}
        for number, cells in enumerate(rows, 1):
            texts, column = [], 0
            for cell in cells:
                merged = cell.find("tcPr/vMerge")
                continues = merged is not None and merged.get("val", "continue") == "continue"
                text = above.get(column, "") if continues else self._cell(cell)
                above[column] = text
                texts.append(text)
                mark = cell.find("tcPr/gridSpan")
                span = int(_digits(mark.get("val", "")) or 1) if mark is not None else 1
                if len(cells) > 1:  # a title across the whole table is written once
                    texts += [text] * (span - 1)
                column += span
            self._draft.at(anchor=f"table {self._tables}, row {number}")
            self._draft.row(texts, number <= headers)
        self._draft.gap()

    def _cell(self, cell: Element) -> str:
        inner = Draft()
        _Writer(inner, self._styles, self._numbering).blocks(cell)
        return inner.finish("").text


def _header_rows(table: Element) -> int:
    """How many rows at the top of a table name its columns: those that are repeated on every page, or the first row where the
    table's style sets it apart."""
    rows = list(_children(table, "tr"))
    repeated = 0
    while repeated < len(rows) - 1 and _is_on(rows[repeated].find("trPr/tblHeader")):
        repeated += 1
    look = table.find("tblPr/tblLook")
    if repeated or look is None or len(rows) < 2:
        return repeated
    flags = look.get("val", "0")
    marked = look.get("firstRow") == "1" or bool(re.fullmatch("[0-9A-Fa-f]{4}", flags) and int(flags, 16) & _FIRST_ROW)
    return int(marked)


def _chosen(parent: Element) -> Iterator[Element]:
    """The children, of alternatives only the first."""
    for child in parent:
        if child.tag == "mc.AlternateContent":
            yield from child[:1]
        else:
            yield child


def _children(parent: Element, tag: str) -> Iterator[Element]:
    """The children called ``tag``, also those in content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _children(child, tag)


def _is_on(switch: Element | None) -> bool:
    return switch is not None and switch.get("val", "true") not in ("false", "0", "off")


def _digits(text: str) -> str:
    return text if re.fullmatch(r"[1-9]\d?", text) else ""
