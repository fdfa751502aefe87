"""The readable text of a document while a parser writes it, block by block."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from aver.knowledge.types import Block, BlockKind, ParsedDocument

__all__ = ["Draft", "clean"]

_LONGEST_TITLE = 300
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
    text = _BREAKS.sub("\n", text)
    return unicodedata.normalize("NFC", _UNREADABLE.sub("", text))


def one_line(text: str) -> str:
    """``text`` cleaned, every run of white space one space."""
    return " ".join(clean(text).split())


def _lines(text: str) -> str:
    """``text`` cleaned, white space in a line collapsed, empty lines dropped."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


class Draft:
    """Appends blocks in reading order and keeps their exact offsets.

    Blocks stand apart by a blank line. Items that follow one another are lines of one list, rows are lines of one table,
    until another block or :meth:`gap`. Text without a visible character adds nothing.
    """

    def __init__(self) -> None:
        self.title = ""
        """What the format itself says the title is; empty when it says nothing."""
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[tuple[BlockKind, int, int]] = []
        self._ends: list[int] = []
        self._open = False
        self._first_heading = ""

    def heading(self, text: str, level: int) -> None:
        """A heading of ``level`` 1 to 6."""
        text = one_line(text)
        self._first_heading = self._first_heading or text
        self._add("heading", text, level=min(max(level, 1), 6))

    def paragraph(self, text: str) -> None:
        """Running text; a line end in ``text`` is a line end to the reader."""
        self._add("paragraph", _lines(text))

    def item(self, text: str, *, depth: int = 0, marker: str = "") -> None:
        """A list item at ``depth`` (0 outermost); without ``marker`` it continues the item before."""
        lines = _lines(text)
        if lines:
            indent = "  " * min(depth, 20)
            first = f"{indent}{marker} " if marker else f"{indent}  "
            self._add("list", first + lines.replace("\n", f"\n{indent}  "), joins=True)

    def row(self, cells: Sequence[str]) -> None:
        """A table row, as ``a | b | c``."""
        words = [one_line(cell) for cell in cells]
        if any(words):
            self._add("table", " | ".join(words).strip(), joins=True)

    def code(self, text: str) -> None:
        """Preformatted text, its white space kept."""
        lines = [line.rstrip() for line in clean(text).split("\n")]
        while lines and not lines[0]:
            lines.pop(0)
        self._add("code", "\n".join(lines).rstrip())

    def gap(self) -> None:
        """The list or table being written ends here."""
        self._open = False

    def finish(self, name: str) -> ParsedDocument:
        """The document; titled by its format, else its first heading, else ``name``."""
        title = one_line(self.title) or self._first_heading or name
        blocks = (
            Block(kind, start, end, level) for (kind, start, level), end in zip(self._blocks, self._ends, strict=True)
        )
        return ParsedDocument(title[:_LONGEST_TITLE], "".join(self._parts), tuple(blocks))

    def _add(self, kind: BlockKind, text: str, *, level: int = 0, joins: bool = False) -> None:
        if not text:
            return
        if joins and self._open and self._blocks[-1][0] == kind:
            self._write("\n" + text)
            self._ends[-1] = self._length
            return
        if self._blocks:
            self._write("\n\n")
        self._blocks.append((kind, self._length, level))
        self._write(text)
        self._ends.append(self._length)
        self._open = joins

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
