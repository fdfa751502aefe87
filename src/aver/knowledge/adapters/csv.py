"""Comma-separated values and their kin: a table whose delimiter, quotes and encoding are told from its content."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters.grid import MOST_CELLS
from aver.knowledge.decoding import decode
from aver.knowledge.draft import Draft

__all__ = ["read"]

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 200
_LONGEST_FIELD = 1_000_000
_NUMBER = re.compile(
    r"[-+(]?[$€£¥]?\s?\d[\d.,'  ]*\s?[%)€]?|(?:19|20)?\d\d[-/.]\d\d?[-/.]\d{1,4}(?:[T ][\d:.Z+-]+)?|true|false",
    re.IGNORECASE,
)
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
"""What Excel reads as the delimiter and does not show."""


def read(data: bytes) -> Draft:
    text = decode(data).lstrip("\ufeff")
    named = _SEPARATOR_LINE.match(text)
    text = text[named.end() :] if named else text
    delimiter = named[1] if named else _delimiter(text)
    rows = _rows(text, delimiter)
    draft = Draft()
    first: list[list[str]] = []
    for number, (row, start, end) in enumerate(rows):
        if number < 2:
            first.append(row)
            if number == 0:
                places = [(start, end)]
                continue
            has_header = _is_header(first)
            _write(draft, first[0], *places[0], header=has_header)
        _write(draft, row, start, end, header=False)
    if len(first) == 1:
        _write(draft, first[0], *places[0], header=False)
    return draft


def _write(draft: Draft, row: list[str], start: int, end: int, *, header: bool) -> None:
    draft.at(anchor=f"L{start}" if start == end else f"L{start}-L{end}")
    draft.row(row, header=header)


def _rows(text: str, delimiter: str) -> Iterator[tuple[list[str], int, int]]:
    """The rows with something in them, each with the lines it stands on, from 1."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True)
    cells, last = 0, 0
    try:
        for row in reader:
            start, last = last + 1, reader.line_num
            cells += len(row)
            if cells > MOST_CELLS:
                raise TooLarge(f"The table has more than {MOST_CELLS:,} cells", "Split the file.")
            if any(cell.strip() for cell in row):
                yield row, start, last
    except csv.Error:
        raise InvalidInput(
            f"The table is damaged near line {reader.line_num}", "Close its quotes, and save it again."
        ) from None


def _delimiter(text: str) -> str:
    """The one that cuts the most lines into the same number of fields, more than one; a comma when none does."""
    sample = "".join(text.splitlines(keepends=True)[:_SAMPLE_LINES])[:100_000]
    best, score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            rows = [
                row
                for row in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True)
                if row
            ]
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows)
        width, count = max(widths.items(), key=lambda each: (each[1] * (each[0] > 1), each[0]), default=(1, 0))
        found = count / len(rows) + min(width, 50) / 1000 if width > 1 else 0.0
        if found > score:
            best, score = delimiter, found
    return best


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first of the first two rows names the columns: all filled, no numbers, and none said twice."""
    names = [cell.strip() for cell in rows[0]]
    while names and not names[-1]:
        names.pop()
    filled = [name for name in names if name]
    if not filled or len(filled) < len(names) - 1 or len(set(filled)) < len(filled):
        return False
    return not any(_NUMBER.fullmatch(name) and not re.fullmatch(r"(?:19|20)\d\d", name) for name in filled)
