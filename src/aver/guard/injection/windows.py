"""The parts of a text that are judged, each by itself: a few sentences, whatever the length of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from aver.core.sentences import sentences

__all__ = ["windows"]

_LONG = 320
"""Characters of a window at most: some sixty word pieces, which the embedder reads whole."""
_SHORT = 140
"""A window of fewer goes on with the next sentences, so that an order split over short ones is read at once."""


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Spans in order of their beginning. Each sentence begins in one window at least; a short one is seen with the one before it and
    with what follows. Linear in ``len(text)``."""
    parts = [part for start, end in sentences(text) for part in _cut(text, start, end)]
    first = 0
    while first < len(parts):
        last = first
        while last + 1 < len(parts) and parts[last][1] - parts[first][0] < _SHORT and _fits(parts, first, last + 1):
            last += 1
        yield parts[first][0], parts[last][1]
        if last + 1 >= len(parts):
            return
        # Begin with the last sentence again when it leaves room, so that two neighbours always share a window.
        first = last if last > first and _fits(parts, last, last + 1) else last + 1


def _fits(parts: list[tuple[int, int]], first: int, last: int) -> bool:
    return parts[last][1] - parts[first][0] <= _LONG


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence in pieces of at most ``_LONG`` characters, cut at white space where there is some."""
    while end - start > _LONG:
        space = text.rfind(" ", start + _LONG // 2, start + _LONG)
        stop = start + _LONG if space < 0 else space
        yield start, stop
        start = stop
    if start < end:
        yield start, end
