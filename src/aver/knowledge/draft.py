"""The readable text of a document while a parser writes it, block by block."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from aver.knowledge.types import Block, BlockKind, Box, ParsedDocument

__all__ = ["Draft", "clean"]

_LONGEST_TITLE = 300
_LONGEST_ANCHOR = 200
_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, soft hyphens, zero-width spaces, embeddings and overrides of direction, surrogates, noncharacters. Joiners stay:
# emoji and several scripts are spelled with them; so do the plain marks of direction.
_UNREADABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff]"
)
_SPACES = re.compile(r"[^\S\n]+")


def clean(text: str) -> str:
    """``text`` in Unicode's composed form (NFC), its line ends ``\\n``, without characters that nobody can read."""
    if text.isascii() and text.isprintable():  # nearly every cell of a large table
        return text
    text = _BREAKS.sub("\n", text)
    return unicodedata.normalize("NFC", _UNREADABLE.sub("", text))


def one_line(text: str) -> str:
    """``text`` cleaned, every run of white space one space."""
    return " ".join(clean(text).split())


def _lines(text: str) -> str:
    """``text`` cleaned, white space in a line collapsed, empty lines dropped."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


class _Place(NamedTuple):
    page: int
    box: Box | None
    anchor: str


_NOWHERE = _Place(0, None, "")


class Draft:
    """Appends blocks in reading order and keeps their exact offsets.

    Blocks stand apart by a blank line. Items that follow one another are lines of one list, rows are lines of one table,
    until another block or :meth:`gap`. Text without a visible character adds nothing. :meth:`at` says where in the source
    the blocks that follow stand; a list or table that goes on elsewhere is one block a place, its lines not set apart.
    """

    def __init__(self) -> None:
        self.title = ""
        """What the format itself says the title is; empty when it says nothing."""
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._place = _NOWHERE
        self._open = False
        self._first_heading = ""

    def at(self, page: int = 0, box: Box | None = None, anchor: str = "") -> None:
        """The blocks that follow stand on ``page`` (from 1) within ``box``, or at ``anchor``; see :class:`Block`."""
        if box is not None:
            left, top, right, bottom = (round(min(max(edge, 0.0), 1.0), 4) for edge in box)
            box = (left, top, right, bottom)
        self._place = _Place(page, box, one_line(anchor)[:_LONGEST_ANCHOR])

    def heading(self, text: str, level: int) -> None:
        """A heading of ``level`` 1 to 6."""
        text = one_line(text)
        self._first_heading = self._first_heading or text
        self._add("heading", text, level=min(max(level, 1), 6))

    def paragraph(self, text: str) -> None:
        """Running text; a line end in ``text`` is a line end to the reader."""
        self._add("paragraph", _lines(text))

    def caption(self, text: str) -> None:
        """What stands beside a figure or above a table and says what it shows."""
        self._add("caption", _lines(text))

    def more(self, text: str, *, space: bool = True) -> None:
        """The block before goes on with ``text``, at the place that :meth:`at` named since; ``space`` divides the two."""
        text = one_line(text)
        if text and self._blocks:
            before = self._blocks[-1]
            self._write(" " * space)
            self._block(before.kind, text, before.level, header=False)

    def item(self, text: str, *, depth: int = 0, marker: str = "") -> None:
        """A list item at ``depth`` (0 outermost); without ``marker`` it continues the item before."""
        lines = _lines(text)
        if lines:
            indent = "  " * min(depth, 20)
            first = f"{indent}{marker} " if marker else f"{indent}  "
            self._add("list", first + lines.replace("\n", f"\n{indent}  "), joins=True)

    def row(self, cells: Sequence[str], header: bool = False) -> None:
        """A table row, as ``a | b | c``. ``header``: it names the columns of the rows that follow."""
        words = [one_line(cell) for cell in cells]
        if any(words):
            self._add("table", " | ".join(words).strip(), joins=True, header=header)

    def code(self, text: str) -> None:
        """Preformatted text, its white space kept."""
        lines = [line.rstrip() for line in clean(text).split("\n")]
        while lines and not lines[0]:
            lines.pop(0)
        self._add("code", "\n".join(lines).rstrip())

    def include(self, document: ParsedDocument, anchor: str, *, below: int = 0, places: bool = True) -> None:
        """All of ``document``, which stands at ``anchor``: its headings below level ``below``, its own places named after the
        anchor, or left out without ``places``."""
        if not document.blocks:
            return
        if self._blocks:
            self._write("\n\n")
        shift = self._length
        self._write(document.text)
        for block in document.blocks:
            inside = block.anchor or (f"page {block.page}" if block.page else "")
            inside = inside if places else ""
            place = one_line(f"{anchor}, {inside}" if anchor and inside else anchor or inside)[:_LONGEST_ANCHOR]
            level = min(block.level + below, 6) if block.level else 0
            start, end = block.start + shift, block.end + shift
            self._blocks.append(replace(block, start=start, end=end, level=level, page=0, box=None, anchor=place))
        self._open = False

    def gap(self) -> None:
        """The list or table being written ends here."""
        self._open = False

    def finish(self, name: str) -> ParsedDocument:
        """The document; titled by its format, else its first heading, else ``name``."""
        title = one_line(self.title) or self._first_heading or name
        return ParsedDocument(title[:_LONGEST_TITLE], "".join(self._parts), tuple(self._blocks))

    def _add(self, kind: BlockKind, text: str, *, level: int = 0, joins: bool = False, header: bool = False) -> None:
        if not text:
            return
        before = self._blocks[-1] if self._blocks else None
        if before is not None and joins and self._open and before.kind == kind:
            self._write("\n")
            if before.header == header and (before.page, before.box, before.anchor) == self._place:
                self._write(text)
                self._blocks[-1] = replace(before, end=self._length)
                return
        elif before is not None:
            self._write("\n\n")
        self._block(kind, text, level, header=header)
        self._open = joins

    def _block(self, kind: BlockKind, text: str, level: int, *, header: bool) -> None:
        start = self._length
        self._write(text)
        self._blocks.append(Block(kind, start, self._length, level, *self._place, header))

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
