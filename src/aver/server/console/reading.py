"""Stored text as a page to read: cut into blocks around a cited span, without changing a character of it.

Offsets of citations refer to the stored text, so a block is a slice of that text and nothing else. The text keeps blocks
apart by blank lines, list items as lines with a mark, table rows as ``a | b | c``; a heading is known by its look: one
short line without a full stop, and something after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Excerpt", "Piece", "ReadingBlock", "excerpt"]

Kind = Literal["heading", "paragraph", "item", "table"]

_LONGEST_HEADING = 80
_SENTENCE_ENDS = (".", "!", "?", ":", ";", ",", "…", "。", "！", "？", "؟", "۔", "।")  # noqa: RUF001
_GAP = re.compile(r"\n(?:[ \t]*\n)+")
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<mark>[-*+•]|\d{1,4}[.)])[ \t]+(?=\S)")
_CELL = re.compile(r" \| ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of stored text, cited or not."""

    text: str
    cited: bool


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ReadingBlock:
    """One block to show. A list item has its ``mark`` apart from its words and a ``depth`` from 0; a table has ``rows`` of
    cells, each cell's pieces ending with the separator that stood after it."""

    kind: Kind
    pieces: Pieces
    mark: str = ""
    depth: int = 0
    rows: tuple[tuple[Pieces, ...], ...] = field(default=())

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part ``[start, end)`` of a stored text, as blocks; ``total`` is the length of the whole, in characters."""

    blocks: tuple[ReadingBlock, ...]
    start: int
    end: int
    total: int


def excerpt(text: str, start: int, end: int, *, around: int) -> Excerpt:
    """The blocks around ``text[start:end]``, which is marked: up to ``around`` characters before it and after it.

    With ``start == end`` nothing is marked and the excerpt begins at ``start``. Offsets outside the text are clamped, and a
    span longer than ``4 * around`` is shown from its beginning, so that a page stays small whatever it is asked for.
    """
    start = min(max(start, 0), len(text))
    end = min(max(end, start), len(text), start + 4 * around)
    first = start if start == end else _opening(text, start, around)
    last = _closing(text, end, around)
    return Excerpt(tuple(_blocks(text, first, last, start, end)), first, last, len(text))


def _opening(text: str, start: int, around: int) -> int:
    """Where to begin: at a paragraph, or else at a word, at most ``around`` characters before ``start``."""
    low = start - around
    if low <= 0:
        return 0
    paragraph = text.find("\n\n", low, start)
    if paragraph >= 0:
        return paragraph + 2
    word = re.compile(r"\s").search(text, low, start)
    return word.end() if word else low


def _closing(text: str, end: int, around: int) -> int:
    high = end + around
    if high >= len(text):
        return len(text)
    paragraph = text.rfind("\n\n", end, high)
    if paragraph > end:
        return paragraph
    space = max(text.rfind(" ", end, high), text.rfind("\n", end, high))
    return space if space > end else high


def _blocks(text: str, first: int, last: int, start: int, end: int) -> Iterator[ReadingBlock]:
    for low, high in _paragraphs(text, first, last):
        lines = list(_lines(text, low, high))
        pieces = _pieces(text, low, high, start, end)
        if all(_CELL.search(text, *line) for line in lines):
            rows = tuple(tuple(_cells(text, *line, start, end)) for line in lines)
            yield ReadingBlock("table", pieces, rows=rows)
        elif _ITEM.match(text, low, high):
            yield from _items(text, lines, start, end)
        elif len(lines) == 1 and _looks_like_heading(text[low:high]) and high < len(text):
            yield ReadingBlock("heading", pieces)
        else:
            yield ReadingBlock("paragraph", pieces)


def _looks_like_heading(line: str) -> bool:
    return len(line) <= _LONGEST_HEADING and not line.endswith(_SENTENCE_ENDS) and any(map(str.isalnum, line))


def _items(text: str, lines: list[tuple[int, int]], start: int, end: int) -> Iterator[ReadingBlock]:
    """The items of a list; a line without a mark goes on with the item above it."""
    begins = [low for low, high in lines if _ITEM.match(text, low, high)]
    for low, following in zip(begins, [*begins[1:], lines[-1][1] + 1], strict=True):
        item = _ITEM.match(text, low)
        assert item is not None
        # A mark that is itself cited is part of the quote, so it stays in the text.
        cited = start < item.end() and end > low
        body, mark = (low, "") if cited else (item.end(), item["mark"])
        depth = len(item["indent"]) // 2
        yield ReadingBlock("item", _pieces(text, body, following - 1, start, end), mark, depth)


def _cells(text: str, low: int, high: int, start: int, end: int) -> Iterator[Pieces]:
    for separator in _CELL.finditer(text, low, high):
        yield _pieces(text, low, separator.end(), start, end)
        low = separator.end()
    yield _pieces(text, low, high, start, end)


def _pieces(text: str, low: int, high: int, start: int, end: int) -> Pieces:
    """``text[low:high]``, with what lies in ``[start, end)`` marked."""
    a, b = min(max(start, low), high), min(max(end, low), high)
    cuts = ((low, a, False), (a, b, True), (b, high, False))
    return tuple(Piece(text[i:j], cited) for i, j, cited in cuts if i < j)


def _paragraphs(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    for gap in _GAP.finditer(text, first, last):
        if text[first : gap.start()].strip():
            yield first, gap.start()
        first = gap.end()
    if text[first:last].strip():
        yield first, last


def _lines(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    while low <= high:
        found = text.find("\n", low, high)
        line_end = high if found < 0 else found
        yield low, line_end
        low = line_end + 1
