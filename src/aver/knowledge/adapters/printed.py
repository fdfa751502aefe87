"""A printed page as its reader found it: words where they stand, and the rules drawn between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from aver.knowledge.types import Box

__all__ = ["Edge", "Line", "Page", "Rules", "Word", "box_of"]


class Word(NamedTuple):
    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line as printed; places in points from the lower left corner of the page as it is read. Lines that read from right to
    left have their places negated, so that every line begins at its ``left``."""

    text: str
    words: tuple[Word, ...]
    bottom: float
    top: float
    bold: bool = False
    rtl: bool = False
    page: int = 0
    margin: bool = False
    """At the very top or bottom of its page."""

    @property
    def left(self) -> float:
        return -max(word.right for word in self.words) if self.rtl else min(word.left for word in self.words)

    @property
    def right(self) -> float:
        return -min(word.left for word in self.words) if self.rtl else max(word.right for word in self.words)

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def of(self, words: Sequence[Word]) -> Line:
        """Some of its words, as a line of their own."""
        return replace(self, words=tuple(words), text=" ".join(word.text for word in words))


class Edge(NamedTuple):
    """A rule: horizontal at height ``at`` from ``start`` to ``end``, or vertical the other way about."""

    at: float
    start: float
    end: float


class Rules(NamedTuple):
    horizontal: list[Edge]
    vertical: list[Edge]


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    """From 1."""
    width: float
    height: float
    lines: list[Line]
    rules: Rules
    in_order: bool = True
    """Whether ``lines`` come in the order in which they are meant to be read, as far as whoever wrote them said."""

    turned: int = 0
    """By how many quarter turns, against the clock, the page was turned to be read."""

    def fractions(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A box on the page as it is shown, before it was turned."""
        width, height = max(self.width, 1.0), max(self.height, 1.0)
        left, top, right, bottom = left / width, 1 - top / height, right / width, 1 - bottom / height
        for _ in range(self.turned):
            left, top, right, bottom = 1 - bottom, left, 1 - top, right
        return left, top, right, bottom


def box_of(lines: Sequence[Line]) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of what these lines cover, in points."""
    return (
        min(word.left for line in lines for word in line.words),
        min(line.bottom for line in lines),
        max(word.right for line in lines for word in line.words),
        max(line.top for line in lines),
    )
