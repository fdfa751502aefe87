"""What OpenDocument texts, sheets and slides share (ISO/IEC 26300): the package, styles, and the writing of their text.

Deletions that are tracked, comments, hidden text, indexes and tables of contents are not read; notes follow the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from xml.etree.ElementTree import Element

from aver.core.errors import InvalidInput
from aver.knowledge.adapters.archive import Archive
from aver.knowledge.adapters.drawing import authored
from aver.knowledge.adapters.elements import read_xml
from aver.knowledge.adapters.numerals import numeral
from aver.knowledge.draft import Draft

__all__ = ["OpenDocument", "Styles", "Writer", "inline", "number", "rows"]

_SKIPPED = frozenset(
    """text.tracked-changes office.annotation office.annotation-end text.table-of-content text.illustration-index
    text.table-index text.object-index text.user-index text.alphabetical-index text.bibliography text.sequence-decls
    text.variable-decls text.user-field-decls office.forms office.scripts text.hidden-text text.hidden-paragraph
    text.ruby-text svg.title svg.desc office.event-listeners draw.glue-point presentation.notes draw.enhanced-geometry
    """.split()  # noqa: SIM905 - tags, read as words
)
_BLOCKS = frozenset(
    {"text.p", "text.h", "text.list", "table.table", "draw.frame", "draw.text-box", "draw.custom-shape"}
)
_MOST_REPEATED = 1_000
"""Rows or columns that a text repeats; sheets have a limit of their own."""
_MOST_SPACES = 100


class OpenDocument:
    """The parts of an OpenDocument file; raises :class:`InvalidInput` for one that is encrypted."""

    def __init__(self, data: bytes) -> None:
        self._archive = Archive(data)
        manifest = self._archive.read("META-INF/manifest.xml")
        if manifest is not None and b"encryption-data" in manifest:
            raise InvalidInput("The document is encrypted", "Save it without a password and ingest it again.")

    def body(self, kind: str) -> Element:
        """What ``office:body`` holds for this ``kind`` of document: ``text``, ``presentation``."""
        body = self._content.find(f"office.body/office.{kind}")
        if body is None:
            raise InvalidInput("The document holds nothing of the kind that it says it is", "Save it again.")
        return body

    def styles(self) -> Styles:
        own = self._part("styles.xml")
        return Styles([self._content] if own is None else [own, self._content])

    @cached_property
    def _content(self) -> Element:
        root = self._part("content.xml")
        if root is None:
            raise InvalidInput("The document has no content", "Open it in its program and save it again.")
        return root

    def _part(self, name: str) -> Element | None:
        data = self._archive.read(name)
        return None if data is None else read_xml(data)


class Styles:
    """Paragraph, text and list styles by name."""

    def __init__(self, roots: list[Element]) -> None:
        self._styles: dict[tuple[str, str], Element] = {}
        self._lists: dict[str, dict[int, Element]] = {}
        for root in roots:
            for node in root.iter("style.style"):
                self._styles[node.get("style.family", ""), node.get("style.name", "")] = node
            for node in root.iter("text.list-style"):
                self._lists[node.get("style.name", "")] = {
                    int(level.get("text.level", "1")): level
                    for level in node
                    if re.fullmatch("[1-9]|10", level.get("text.level", "1"))
                }

    def level(self, paragraph: Element) -> int:
        """1 to 6 for a heading, 0 for running text."""
        outline = paragraph.get("text.outline-level", "")
        if paragraph.tag == "text.h":
            return min(int(outline), 6) if re.fullmatch("[1-9]|10", outline) else 1
        for style in self._chain("paragraph", paragraph.get("text.style-name", "")):
            name = style.get("style.name", "")
            outline = style.get("style.default-outline-level", "")
            if name in ("Title", "Subtitle"):
                return 1 if name == "Title" else 2
            if re.fullmatch("[1-9]|10", outline):
                return min(int(outline), 6)
        return 0

    def is_caption(self, paragraph: Element) -> bool:
        names = [paragraph.get("text.style-name", "")]
        names += [each.get("style.name", "") for each in self._chain("paragraph", names[0])]
        return any(name in ("Caption", "Illustration", "Table", "Figure", "Drawing") for name in names)

    def is_raised(self, span: Element) -> bool:
        """Whether a span is an exponent."""
        chain = self._chain("text", span.get("text.style-name", ""))
        positions = (style.find("style.text-properties") for style in chain)
        position = next(
            (found for each in positions if each is not None and (found := each.get("style.text-position"))), ""
        )
        return position.startswith("super") or bool(re.match(r"[1-9]", position))

    def hidden_tables(self) -> set[str]:
        """The styles of sheets that are not shown."""
        return {
            name
            for (family, name), style in self._styles.items()
            if family == "table" and style.find("style.table-properties[@table.display='false']") is not None
        }

    def list_level(self, name: str, depth: int) -> Element | None:
        return self._lists.get(name, {}).get(depth + 1)

    def _chain(self, family: str, name: str) -> list[Element]:
        chain: list[Element] = []
        while (style := self._styles.get((family, name))) is not None and len(chain) < 50:
            chain.append(style)
            name = style.get("style.parent-style-name", "")
        return chain


class Writer:
    """Appends the text content of OpenDocument elements. ``places``: paragraphs and tables say which they are."""

    def __init__(self, draft: Draft, styles: Styles, *, places: bool = False) -> None:
        self._draft = draft
        self._styles = styles
        self._places = places
        self._paragraphs = self._tables = 0
        self._counts: dict[tuple[str, int], int] = {}
        self._notes: list[Element] = []

    def blocks(self, parent: Element) -> None:
        for node in parent:
            self.block(node)

    def block(self, node: Element) -> None:
        tag = node.tag
        if tag in ("text.p", "text.h"):
            self._paragraph(node)
        elif tag == "text.list":
            self._list(node, "", 0)
            self._draft.gap()
        elif tag == "table.table":
            self._table(node)
        elif tag == "draw.frame":
            self._frame(node)
        elif tag not in _SKIPPED and node.get("text.display") not in ("none", "condition"):
            self.blocks(node)

    def notes(self) -> None:
        """Append the footnotes and endnotes met so far."""
        while self._notes:
            notes, self._notes = self._notes, []
            for note in notes:
                self._draft.gap()
                self.blocks(note)

    def _paragraph(self, node: Element) -> None:
        self._paragraphs += 1
        if self._places:
            self._draft.at(anchor=f"paragraph {self._paragraphs}")
        text = self._text(node)
        level = self._styles.level(node)
        if level:
            self._draft.heading(text, level)
        elif self._styles.is_caption(node):
            self._draft.caption(text)
        else:
            self._draft.paragraph(text)
        self._anchored(node)

    def _text(self, node: Element) -> str:
        self._notes += node.iterfind(".//text.note/text.note-body")
        return "".join(inline(node, self._styles)).strip()

    def _anchored(self, node: Element) -> None:
        """Frames and shapes that hang in a paragraph follow it."""
        for child in node:
            if child.tag in ("draw.frame", "draw.custom-shape", "draw.g", "draw.a"):
                self.block(child)
            elif child.tag not in _SKIPPED and child.tag != "text.note":
                self._anchored(child)

    def _frame(self, frame: Element) -> None:
        """The first of a frame's contents that says something, and the words its author gave for it."""
        for child in frame:
            if child.tag in ("draw.text-box", "table.table"):
                self.block(child)
                break
        words = authored(frame.findtext("svg.desc") or frame.findtext("svg.title") or "")
        self._draft.caption(words)

    def _list(self, node: Element, style: str, depth: int) -> None:
        style = node.get("text.style-name", style)
        if node.get("text.continue-numbering") != "true" and "text.continue-list" not in node.attrib:
            self._counts.pop((style, depth), None)
        for entry in node:
            marker = self._marker(entry, style, depth) if entry.tag == "text.list-item" else ""
            for child in entry:
                if child.tag in ("text.p", "text.h"):
                    self._paragraphs += 1
                    if self._places:
                        self._draft.at(anchor=f"paragraph {self._paragraphs}")
                    if self._styles.level(child) and child.tag == "text.h":
                        self._draft.heading(self._text(child), self._styles.level(child))
                        continue
                    self._draft.item(self._text(child), depth=depth, marker=marker)
                    marker = ""
                    self._anchored(child)
                elif child.tag == "text.list":
                    self._list(child, style, depth + 1)
                else:
                    self.block(child)

    def _marker(self, entry: Element, style: str, depth: int) -> str:
        """What stands before an item: ``-``, ``3.``, ``b)``. An item that only holds a deeper list is not counted."""
        if not any(child.tag in ("text.p", "text.h") for child in entry):
            return ""
        level = self._styles.list_level(style, depth)
        if level is None or level.tag != "text.list-level-style-number":
            return "-"
        given = entry.get("text.start-value") or ""
        start = level.get("text.start-value", "1")
        before = self._counts.get((style, depth), (int(start) if re.fullmatch(r"\d{1,6}", start) else 1) - 1)
        number = int(given) if re.fullmatch(r"\d{1,6}", given) else before + 1
        self._counts[style, depth] = number
        for deeper in [key for key in self._counts if key[0] == style and key[1] > depth]:
            del self._counts[deeper]
        shown = numeral(number, _FORMATS.get(level.get("style.num-format", "1"), "none"))
        if not shown:
            return "-"
        suffix = level.get("style.num-suffix", "").strip() or "."
        return f"{level.get('style.num-prefix', '').strip()}{shown}{suffix}"

    def _table(self, table: Element) -> None:
        found = list(rows(table, most=_MOST_REPEATED))
        if max((len(cells) for _, cells in found), default=0) < 2:  # a frame around text
            for _, cells in found:
                for cell in cells:
                    self.blocks(cell)
            return
        self._draft.gap()
        self._tables += 1
        repeated = sum(is_header for is_header, _ in found)
        carried: dict[int, tuple[int, str]] = {}
        for number, (is_header, cells) in enumerate(found, 1):
            if self._places:
                self._draft.at(anchor=f"table {self._tables}, row {number}")
            first = number == 1 and not repeated and len(found) > 1
            self._draft.row(self._row(cells, carried), header=is_header or first)
        self._draft.gap()

    def _row(self, cells: list[Element], carried: dict[int, tuple[int, str]]) -> list[str]:
        """The texts of a row; one that spans columns or rows stands in each of them."""
        texts: list[str] = []
        across = 0
        for column, cell in enumerate(cells):
            if cell.tag == "table.covered-table-cell":
                left, text = carried.get(column, (0, ""))
                if across > 0:
                    text = texts[-1]
                texts.append(text if across > 0 or left > 0 else "")
            else:
                texts.append(self._cell(cell))
                across = number(cell.get("table.number-columns-spanned", "1"))
                down = number(cell.get("table.number-rows-spanned", "1"))
                for place in range(column, min(column + across, len(cells))):
                    carried[place] = (down, texts[-1])
            across -= 1
        for place in list(carried):
            left, text = carried[place]
            carried[place] = (left - 1, text)
        return texts

    def _cell(self, cell: Element) -> str:
        inner = Draft()
        writer = Writer(inner, self._styles)
        writer.blocks(cell)
        self._notes += writer._notes
        return inner.finish("").text.replace(" | ", " ")  # of a table in the cell, whose columns are not this table's


_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


def inline(node: Element, styles: Styles) -> Iterator[str]:
    """The text in a paragraph; white space as OpenDocument counts it. Frames, notes and comments are no part of it."""
    yield _collapsed(node.text)
    for child in node:
        tag = child.tag
        if tag == "text.s":
            yield " " * min(number(child.get("text.c", "1")), _MOST_SPACES)
        elif tag == "text.tab":
            yield " "
        elif tag == "text.line-break":
            yield "\n"
        elif tag == "text.span" and styles.is_raised(child):
            text = "".join(inline(child, styles))
            yield f"^{text}" if text[:1].isdigit() else text
        elif tag not in _SKIPPED and tag not in _BLOCKS and tag != "text.note":
            yield from inline(child, styles)
        yield _collapsed(child.tail)


def rows(table: Element, most: int) -> Iterator[tuple[bool, list[Element]]]:
    """The rows of a table, each with whether it is a header and its cells, repeated ones as often as they stand, at most
    ``most`` times."""

    def below(parent: Element, *, is_header: bool) -> Iterator[tuple[bool, list[Element]]]:
        for node in parent:
            if node.tag == "table.table-row":
                cells = [cell for cell in node if cell.tag in ("table.table-cell", "table.covered-table-cell")]
                repeated = [
                    cell
                    for cell in cells
                    for _ in range(min(number(cell.get("table.number-columns-repeated", "1")), most))
                ][:most]
                for _ in range(min(number(node.get("table.number-rows-repeated", "1")), most if cells else 0)):
                    yield is_header, repeated
            elif node.tag in ("table.table-header-rows", "table.table-rows", "table.table-row-group"):
                yield from below(node, is_header=is_header or node.tag == "table.table-header-rows")

    return below(table, is_header=False)


def number(text: str) -> int:
    """A count as an attribute gives it; 1 where it gives none."""
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else 1


def _collapsed(text: str | None) -> str:
    return re.sub(r"\s+", " ", text) if text else ""
