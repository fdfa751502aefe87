"""Where in a text numbers are, so that what looks for them reads little else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Region", "regions"]

_RUN = re.compile(r"\d+")
_AROUND = 64
"""Characters before the first digit of whatever is looked for, and after its last, at most."""


class Region(NamedTuple):
    """Characters ``start`` to ``end``, with ``digits`` digits among them."""

    start: int
    end: int
    digits: int


def regions(text: str) -> Iterator[Region]:
    """All digits of ``text`` with what stands around them, in order; no two regions touch."""
    start, end, digits = 0, -1, 0
    for run in _RUN.finditer(text):
        first, last = run.span()
        if first - _AROUND > end:
            if digits:
                yield Region(start, min(end, len(text)), digits)
            start, digits = max(0, first - _AROUND), 0
        end, digits = last + _AROUND, digits + last - first
    if digits:
        yield Region(start, min(end, len(text)), digits)
