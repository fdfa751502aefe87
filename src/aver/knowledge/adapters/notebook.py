"""Notebooks (IPYNB): prose as Markdown, code as code, and the text that came out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aver.core.errors import AverError, InvalidInput
from aver.knowledge.adapters import markdown
from aver.knowledge.decoding import decode
from aver.knowledge.draft import Draft

__all__ = ["read"]

_MOST_OUTPUT = 2_000
"""Characters of one output; a log of a thousand lines says nothing more."""
_MOST_CELLS = 20_000


def read(data: bytes) -> Draft:
    draft = Draft()
    for number, cell in enumerate(_cells(data), 1):
        anchor = f"cell {number}"
        draft.at(anchor=anchor)
        source = _text(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        if kind == "markdown":
            try:
                draft.include(markdown.read(source.encode("utf-8", "replace")).finish(""), anchor, places=False)
            except AverError:  # HTML nested without end; the words are there all the same
                draft.paragraph(source)
        elif kind == "heading":
            level = cell.get("level")
            draft.heading(source, level if isinstance(level, int) else 1)
        elif kind == "code":
            draft.code(source)
            for output in _outputs(cell):
                draft.code(output[:_MOST_OUTPUT])
        elif kind == "raw":
            draft.paragraph(source)
    return draft


def _cells(data: bytes) -> list[dict[str, Any]]:
    """The cells of the notebook; those of the first versions lie in worksheets."""
    try:
        notebook = json.loads(decode(data))
    except (ValueError, RecursionError):
        notebook = None
    if not isinstance(notebook, dict):
        raise InvalidInput("The file holds no notebook", "Save it again as a notebook.")
    sheets = [notebook, *_dicts(notebook.get("worksheets"))]
    return [cell for sheet in sheets for cell in _dicts(sheet.get("cells"))][:_MOST_CELLS]


def _outputs(cell: dict[str, Any]) -> Iterator[str]:
    for output in _dicts(cell.get("outputs")):
        data = output.get("data")
        yield _text(output.get("text"))
        if isinstance(data, dict):
            yield _text(data.get("text/plain"))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text that may be kept as its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
