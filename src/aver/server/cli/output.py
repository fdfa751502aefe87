"""What commands print: JSON for programs, tables and text for people."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

__all__ = ["console", "indented", "print_json", "printable", "table"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPE_WIDTH = 160


def print_json(value: Any) -> None:
    from aver.server.wire import to_json

    sys.stdout.write(to_json(value, indent=True).decode() + "\n")


def console() -> Console:
    """Standard output, coloured only on a terminal; into a pipe it is wide, so that lines stay whole."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def printable(text: str) -> str:
    """``text`` with control characters made visible: what a document holds must not steer the reader's terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def indented(text: str, width: int, by: int = 4) -> str:
    """``text`` as one paragraph, wrapped and moved in."""
    margin = " " * by
    return textwrap.fill(" ".join(text.split()), width, initial_indent=margin, subsequent_indent=margin)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table without lines: a row stays one line a program can cut."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(printable(str(cell))) for cell in row))
    console().print(grid)
