"""The statements of a policy file, each with its place, so that an error can name file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Statement", "statements"]

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|;|\s+|[^\s;"/]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One ``permit`` or ``forbid`` with its annotations, beginning on ``line`` of ``file``."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def statements(text: str, file: str) -> Iterator[Statement]:
    """In order. A last one without its semicolon is given too: the parser says what is wrong with it."""
    parts: list[str] = []
    line, start = 1, 1
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if not piece.startswith("//"):
            if not parts and not piece.isspace():
                start = line
            if parts or not piece.isspace():
                parts.append(piece)
        line += piece.count("\n")
        if piece == ";":
            yield Statement("".join(parts), file, start)
            parts = []
    if parts:
        yield Statement("".join(parts), file, start)
