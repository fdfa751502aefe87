"""Source code and configuration: the text as it is, a block for each definition with the comments above it.

What is a definition is told by the lay-out that people of all languages share: it begins at the left after an empty line. One that
is long is cut again the same way at the next indentation, so that the methods of a class stand by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from aver.core.errors import TooLarge
from aver.knowledge.decoding import declared_in_html, decode
from aver.knowledge.draft import Draft, clean

__all__ = ["read"]

_LONG = 60
"""Lines of a block that is cut again."""
_SHORT = 20
"""Lines that a piece has at least where no empty line says where to cut."""
_DEEPEST = 12
_MOST_LINES = 200_000
_CLOSING = re.compile(r"\s*(?:[})\]]|end\b|fi\b|done\b|esac\b|else\b|elif\b|except\b|finally\b|catch\b|</)")


def read(data: bytes) -> Draft:
    draft = Draft()
    lines = clean(decode(data, declared_in_html(data))).expandtabs(4).split("\n")
    if len(lines) > _MOST_LINES:
        raise TooLarge(f"The file has more than {_MOST_LINES:,} lines", "Split it.")
    for start, end in _pieces(lines, 0, len(lines), 0):
        filled = [at for at in range(start, end) if lines[at].strip()]
        if filled:
            first, last = filled[0] + 1, filled[-1] + 1
            draft.at(anchor=f"L{first}" if first == last else f"L{first}-L{last}")
            draft.code("\n".join(lines[first - 1 : last]))
    return draft


def _pieces(lines: Sequence[str], start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    """The blocks of ``lines[start:end]``: at the top always cut, below only where they are long."""
    if (depth and end - start <= _LONG) or depth > _DEEPEST:
        yield start, end
        return
    cuts = _cuts(lines, start, end, depth)
    if not cuts:
        yield start, end
        return
    edges = [start, *cuts, end]
    for first, last in pairwise(edges):
        yield from _pieces(lines, first, last, depth + 1)


def _cuts(lines: Sequence[str], start: int, end: int, depth: int) -> list[int]:
    """The lines at which the next block begins."""
    inner = [at for at in range(start + 1, end) if lines[at].strip() and not _CLOSING.match(lines[at])]
    after_empty = [at for at in inner if not lines[at - 1].strip()]
    if after_empty:
        left = 0 if not depth else min(_indent(lines[at]) for at in after_empty)
        if cuts := [at for at in after_empty if _indent(lines[at]) == left]:
            return cuts
    if end - start <= _LONG or not inner:
        return []
    left = min(_indent(lines[at]) for at in inner)
    cuts = []
    for at in inner:
        if _indent(lines[at]) == left and at - (cuts[-1] if cuts else start) >= _SHORT:
            cuts.append(at)
    return cuts


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
