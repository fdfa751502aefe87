"""Cases as rows of a table, for those who keep them in a spreadsheet.

Columns are named as fields. A list of texts is written ``a; b``, or as JSON; other lists are JSON. ``metadata.NAME`` and
``variables.NAME`` are columns of their own, and like ``expected`` and ``state`` they are JSON where they are JSON and text where not.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aver.core.errors import InvalidInput
from aver.evals.datasets.fields import FIELDS, LISTS, VALUES, fields_of
from aver.evals.datasets.rows import parse_json
from aver.evals.types import Case

__all__ = ["as_table", "from_cells"]

_SPREAD = ("variables", "metadata")
"""Fields whose values have columns of their own."""
_FLAGS = ("unanswerable", "refuse")
_WHOLE = ("passages", "calls", "history")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def from_cells(place: str, cells: Mapping[str, str]) -> dict[str, Any]:
    """A row as :func:`~aver.evals.datasets.fields.case_of` reads it. Raises :class:`~aver.core.errors.InvalidInput` at ``place``."""
    found: dict[str, Any] = {}
    for column, cell in cells.items():
        name, _, inner = column.partition(".")
        text = cell.strip()
        if inner and name in _SPREAD:
            found.setdefault(name, {})[inner] = _value(text)
        elif name in _SPREAD:
            written = parse_json(f"{place}: {name}", text, f"Write {name}.NAME columns, or an object.")
            if not isinstance(written, dict):
                raise InvalidInput(f"{place}: {name} is no object", f"Write {name}.NAME columns, or an object.")
            found[name] = {**written, **found.get(name, {})}
        elif column in LISTS:
            found[column] = (
                parse_json(f"{place}: {column}", text, "Write a; b; c.")
                if text.startswith("[")
                else [each.strip() for each in text.split(";") if each.strip()]
            )
        elif column in _WHOLE:
            found[column] = parse_json(f"{place}: {column}", text, "Write a JSON list.")
        elif column in _FLAGS:
            found[column] = {"true": True, "false": False}.get(text.lower(), text)
        else:
            found[column] = _value(text) if column in VALUES else cell
    return found


def as_table(cases: Iterable[Case]) -> Iterator[str]:
    """The cases as lines of CSV (RFC 4180), the header first; what :func:`from_cells` reads again. A text that a spreadsheet would take for
    a formula has an apostrophe before it."""
    rows = [_cells(fields_of(case)) for case in cases]
    names = dict.fromkeys(name for row in rows for name in row)
    order = {name: place for place, name in enumerate(FIELDS)}
    columns = sorted(names, key=lambda name: (order[name.partition(".")[0]], name))
    yield _line(columns)
    for row in rows:
        yield _line(_escaped(row.get(name, "")) for name in columns)


def _cells(fields: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields.items():
        if name in _SPREAD:
            if any(not key or key != key.strip() for key in value):
                found[name] = _json(value)
            else:
                found |= {f"{name}.{key}": _said(inner) for key, inner in value.items()}
        elif name in LISTS:
            plain = all(";" not in each for each in value) and not value[0].startswith("[")
            found[name] = "; ".join(value) if plain else _json(value)
        elif name in VALUES:
            found[name] = _said(value)
        elif isinstance(value, str):
            found[name] = value
        else:
            found[name] = _json(value)
    return found


def _value(text: str) -> Any:
    try:
        return parse_json("", text)
    except InvalidInput:
        return text


def _said(value: Any) -> str:
    """A text as it is, unless it would be read as something else."""
    if isinstance(value, str) and value.strip() == value and value and _value(value) == value:
        return value
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(list(cells))
    return written.getvalue()
