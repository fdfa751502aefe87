"""From a document to the passages that are searched and cited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aver.core.sentences import sentences
from aver.knowledge.tables import Headers, units
from aver.knowledge.types import Block, ParsedDocument
from aver.knowledge.word_pieces import PIECE, weigh

__all__ = ["Chunk", "split"]

_SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
"""Between the headings of a section's path."""

# In word pieces, as estimated by :func:`weigh`. The built-in embedder reads 256, marks and the section's path included.
_IDEAL = 150
_MOST = 215
_MOST_WITH_PATH = 240
_LEAST_MOST = 100  # however long the path

# The cost of ending a passage there, in the unit of the cost of its length: (length / ideal - 1) squared.
_AFTER_BLOCK, _AFTER_LINE, _AFTER_SENTENCE, _AFTER_PIECE, _AFTER_LEAD_IN = 0.0, 0.15, 0.3, 0.6, 1.5

_LONGEST_HEADING = 120
"""Characters of one heading that a section's path keeps."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: ``text[start:end]`` of the document. ``section`` is the path of the headings it stands under, without one
    that repeats the document's title. ``header`` is the header of the table that the passage begins within, when it stands
    before the passage."""

    start: int
    end: int
    section: str
    header: str = ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is not cut: a sentence, a row, or a piece of one that is too long. ``cut`` is the cost of ending a passage after it."""

    start: int
    end: int
    weight: int
    cut: float
    header: int = 0
    """The weight of the table header that a passage beginning here is read with."""


def split(parsed: ParsedDocument) -> list[Chunk]:
    """The passages of a document, in order, not overlapping, each within one section.

    They cover everything but headings, which name the section of what follows them (a document of headings alone is split
    as if they were paragraphs). A passage ends where the cost is least: between blocks rather than within one, not after
    a lead-in such as "You need:" or a table's header, and near the ideal length. No sentence and no row of a table is cut
    unless it is longer than a passage may be.
    """
    chunks: list[Chunk] = []
    headers = Headers(parsed.text, parsed.blocks)
    for section, blocks in _sections(parsed):
        most = min(_MOST, max(_LEAST_MOST, _MOST_WITH_PATH - weigh(parsed.title) - weigh(section)))
        pieces = [piece for unit in units(blocks) for piece in _units(parsed.text, unit, most, headers)]
        chunks += (Chunk(start, end, section, headers.of(start)) for start, end in _pack(pieces, most))
    return chunks


def _sections(parsed: ParsedDocument) -> Iterator[tuple[str, list[Block]]]:
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    only_headings = all(block.kind == "heading" for block in parsed.blocks)
    for block in parsed.blocks:
        if block.kind != "heading" or only_headings:
            body.append(block)
            continue
        if body:
            yield _path(path, parsed.title), body
            body = []
        while path and path[-1][0] >= block.level:
            path.pop()
        path.append((block.level, parsed.text[block.start : block.end]))
    if body:
        yield _path(path, parsed.title), body


def _path(headings: Sequence[tuple[int, str]], title: str) -> str:
    names = [name[:_LONGEST_HEADING] for _, name in headings]
    return _SEPARATOR.join(names[1:] if headings and headings[0][1] == title else names)


def _units(text: str, unit: Sequence[Block], most: int, headers: Headers) -> Iterator[_Unit]:
    """The sentences of a structural unit, line by line. A list item's marker and indentation belong to its first sentence."""
    start, last, kind = unit[0].start, unit[-1].end, unit[0].kind
    header_end = next((block.start for block in unit if not block.header), start) if unit[0].header else start
    header = weigh(headers.of(header_end)) if header_end > start else 0
    while start < last:
        newline = text.find("\n", start, last)
        end = last if newline < 0 else newline
        after = _AFTER_BLOCK if end == last else _AFTER_LINE
        if start < header_end or text.endswith((":", "\N{FULLWIDTH COLON}"), start, end):
            after = _AFTER_LEAD_IN
        line = text[start:end]
        context = header if start >= header_end else 0
        is_whole = kind == "code" or (kind == "table" and weigh(line) + context <= most)
        spans = [(0, len(line))] if is_whole and line.strip() else sentences(line)
        stops = [start + stop for _, stop in spans]
        for stop in stops:
            cut = after if stop == stops[-1] else _AFTER_SENTENCE
            yield from _pieces(text, start, stop, most - context, cut, context)
            start = stop
        start = end + 1


def _pieces(text: str, start: int, end: int, most: int, cut: float, header: int) -> Iterator[_Unit]:
    """One unit, or as many as keep each within ``most``, divided at white space where there is some."""
    while text[start].isspace():
        start += 1
    gap, stop, before_gap, count = start, start, 0, 0
    last = start
    for mark in PIECE.finditer(text, start, end):
        at = mark.start()
        if at > last or (count == most and gap == start):  # white space, or as far as a unit without any can go
            gap, stop, before_gap = at, last, count
        if count == most:
            yield _Unit(start, stop, before_gap, _AFTER_PIECE, header)
            start, count = gap, count - before_gap
        count += 1
        last = mark.end()
    yield _Unit(start, end, count, cut, header)


def _pack(pieces: Sequence[_Unit], most: int) -> list[tuple[int, int]]:
    """The division of ``pieces`` into passages of at most ``most`` whose cost is least (dynamic programming)."""
    best = [0.0]
    first = [0]
    for last, piece in enumerate(pieces):
        weight, least, chosen = 0, float("inf"), last
        for begin in range(last, -1, -1):
            weight += pieces[begin].weight
            if weight > most and begin < last:
                break
            whole = weight + pieces[begin].header
            if whole > most and begin < last:
                continue
            cost = best[begin] + (whole / _IDEAL - 1) ** 2
            if cost <= least:
                least, chosen = cost, begin
        best.append(least + piece.cut)
        first.append(chosen)
    spans: list[tuple[int, int]] = []
    end = len(pieces)
    while end:
        spans.append((pieces[first[end]].start, pieces[end - 1].end))
        end = first[end]
    return spans[::-1]
