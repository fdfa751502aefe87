"""The parts of a text that are judged, each by itself: a few sentences, whatever the length of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from aver.core.sentences import sentences

__all__ = ["parts", "windows"]

_LONG = 320
"""Characters of a window at most: some sixty word pieces, which the embedder reads whole."""
_SHORT = 140
"""A window of fewer goes on with the next sentences, so that an order split over short ones is read at once."""


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Spans in order of their beginning. Each sentence begins in one window at least; a short one is seen with the one before it and
    with what follows. Linear in ``len(text)``."""
    each = parts(text)
    first = 0
    while first < len(each):
        last = first
        while last + 1 < len(each) and each[last][1] - each[first][0] < _SHORT and _fits(each, first, last + 1):
            last += 1
        yield each[first][0], each[last][1]
        if last + 1 >= len(each):
            return
        # Begin with the last sentence again when it leaves room, so that two neighbours always share a window.
        first = last if last > first and _fits(each, last, last + 1) else last + 1


def parts(text: str) -> list[tuple[int, int]]:
    """Sentences in order, each in pieces of at most 320 characters."""
    return [part for start, end in sentences(text) for part in _cut(text, start, end)]


def _fits(each: list[tuple[int, int]], first: int, last: int) -> bool:
    return each[last][1] - each[first][0] <= _LONG


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence in pieces of at most ``_LONG`` characters, cut at white space where there is some."""
    while end - start > _LONG:
        space = text.rfind(" ", start + _LONG // 2, start + _LONG)
        stop = start + _LONG if space < 0 else space
        yield start, stop
        start = stop
    if start < end:
        yield start, end
