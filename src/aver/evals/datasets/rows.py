"""Files of rows, whatever they say: JSON Lines, a JSON or YAML list, or CSV. Each row comes with ``FILE:LINE``, where it begins.

JSON Lines and CSV are read as they are asked for, in flat memory.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from aver.core.errors import InvalidInput, NotFound
from aver.core.yaml import parse_yaml

__all__ = ["Row", "is_flat", "is_table", "parse_json", "read_rows", "read_text", "unreadable"]

Row = tuple[str, Any]
"""Where it stands, and what it says: of a table the cells that are not empty, by column."""

_YAML, _TABLES, _JSON = (".yaml", ".yml"), (".csv", ".tsv"), (".json",)
_SPACE = re.compile(r"\s*")
_DELIMITERS = ",;\t"
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def is_table(file: Path) -> bool:
    """Whether its rows are of cells, which are texts: CSV, by its ending."""
    return file.suffix.lower() in _TABLES


def is_flat(file: Path) -> bool:
    """Whether its rows are read as they are asked for: JSON Lines and CSV, by its ending."""
    return file.suffix.lower() not in (*_YAML, *_JSON)


def read_rows(file: Path) -> Iterator[Row]:
    """The rows of a file: YAML, CSV (with commas, semicolons or tabs) and JSON by its ending, everything else as JSON Lines.

    Raises :class:`~aver.core.errors.InvalidInput` with file and line for what cannot be read so, and
    :class:`~aver.core.errors.NotFound` for a file that cannot be read at all.
    """
    ending = file.suffix.lower()
    if ending in _YAML:
        yield from _yaml(file)
    elif ending in _TABLES:
        yield from _table(file)
    elif ending in _JSON and read_text(file).lstrip()[:1] == "[":
        yield from _json_list(file)
    else:
        yield from _json_lines(file)


def read_text(file: Path) -> str:
    """A whole file, UTF-8. Raises as :func:`read_rows` does."""
    return "".join(text for _, text in _lines(file))


def parse_json(place: str, text: str, advice: str = "Write JSON.") -> Any:
    """What a text says as JSON (RFC 8259: no ``NaN``); :class:`~aver.core.errors.InvalidInput` where it is none."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise InvalidInput(f"{place}: this is no JSON: {error}", advice) from None
    except RecursionError:
        raise InvalidInput(f"{place}: this is nested too deeply", "Write it flatter.") from None


def unreadable(file: Path, error: OSError) -> NotFound:
    return NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, with their ends. Not those of ``splitlines()``: JSON may hold what that takes for the end of one."""
    try:
        with file.open("rb") as opened:
            for number, line in enumerate(opened, 1):
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise InvalidInput(f"{file}:{number}: this is not UTF-8 text", "Save the file as UTF-8.") from None
    except OSError as error:
        raise unreadable(file, error) from None


def _json_lines(file: Path) -> Iterator[Row]:
    for number, line in _lines(file):
        if line.strip():
            place = f"{file}:{number}"
            yield place, parse_json(place, line, "Write one object a line; YAML files end in .yaml.")


def _json_list(file: Path) -> Iterator[Row]:
    """A list, one item after the other, so that each has its line."""
    text = read_text(file)
    decoder = json.JSONDecoder(parse_constant=_no_number)
    at = _after_space(text, text.index("[") + 1)
    line, counted = 1, 0
    while at < len(text) and text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        place = f"{file}:{line}"
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{place}: this is no JSON: {error}", "Correct this item.") from None
        yield place, value
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise InvalidInput(f"{place}: a comma or the list's end is missing after this item", "Correct it.")
    if at >= len(text):
        raise InvalidInput(f"{file}:{line}: the list does not end", "Close it: ]")
    if text[at + 1 :].strip():
        line += text.count("\n", counted, at)
        raise InvalidInput(f"{file}:{line}: something stands behind the list's end", "Remove it.")


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _yaml(file: Path) -> Iterator[Row]:
    root = parse_yaml(read_text(file), str(file))
    for item in [] if root.is_null else root.items():
        yield f"{file}:{item.line}", item.plain()


def _table(file: Path) -> Iterator[Row]:
    lines = (line for _, line in _lines(file))
    header = next(lines, "")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(_first(header, lines), delimiter=delimiter, strict=True)
    names: list[str] = []
    before = 0
    try:
        for cells in reader:
            place, before = f"{file}:{before + 1}", reader.line_num
            if not names:
                names = _columns(place, cells)
            elif any(map(str.strip, cells)):
                if len(cells) > len(names):
                    raise InvalidInput(
                        f"{place}: {len(cells)} cells under {len(names)} columns", "Put a cell with commas in quotes."
                    )
                yield place, {name: _unescaped(cell) for name, cell in zip(names, cells, strict=False) if cell.strip()}
    except csv.Error as error:
        raise InvalidInput(f"{file}:{before + 1}: this is no CSV: {error}", "Save the table as CSV again.") from None


def _first(line: str, rest: Iterator[str]) -> Iterator[str]:
    yield line
    yield from rest


def _columns(place: str, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name, times in Counter(names).items():
        if times > 1 or not name:
            raise InvalidInput(f"{place}: the column {name!r} has no name of its own", "Give each column another name.")
    return names


def _unescaped(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a text for a formula."""
    return cell[1:] if _ESCAPED.match(cell) else cell
