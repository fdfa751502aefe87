"""The header rows of a document's tables, which are context for the rows far below them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from aver.knowledge.types import Block
from aver.knowledge.word_pieces import PIECE, weigh

__all__ = ["Headers", "units"]

_LONGEST = 60
"""Word pieces of a header that go with each row."""


class Headers:
    def __init__(self, text: str, blocks: Sequence[Block]) -> None:
        self._starts: list[int] = []
        self._tables: list[tuple[int, str]] = []
        for unit in units(blocks):
            rows = next((place for place, block in enumerate(unit) if not block.header), 0)
            if rows:
                self._starts.append(unit[rows].start)
                self._tables.append((unit[-1].end, _shortened(text[unit[0].start : unit[rows - 1].end])))

    def of(self, start: int) -> str:
        """The header of the table that has a row at ``start``; empty in a header itself and outside of tables."""
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return ""
        end, header = self._tables[place]
        return header if start < end else ""


def units(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The structural units of a document, each as its blocks: those that at most one white space divides."""
    unit: list[Block] = []
    for block in blocks:
        if unit and (block.kind != unit[-1].kind or block.start - unit[-1].end > 1):
            yield unit
            unit = []
        unit.append(block)
    if unit:
        yield unit


def _shortened(header: str) -> str:
    """The first columns of a header that is too long, the first words of one without columns."""
    if weigh(header) <= _LONGEST:
        return header
    end = 0
    for count, piece in enumerate(PIECE.finditer(header)):
        if count == _LONGEST:
            break
        end = piece.end()
    cut = header.rfind(" | ", 0, end + 1)
    return header[: cut if cut > 0 else end]
