"""Long texts in windows, so that what a detector costs grows with the length of a text and not faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aver.guard.overlaps import resolved
from aver.guard.types import Detector, Finding

__all__ = ["Windowed", "windows"]


def windows(length: int, size: int, margin: int) -> Iterator[tuple[int, int, int, int]]:
    """``(start, core_start, core_end, end)`` of windows over ``length`` characters: cores of at most ``size`` that follow one another,
    each seen with ``margin`` characters before and after it."""
    for core in range(0, max(1, length), size):
        after = min(length, core + size)
        yield max(0, core - margin), core, after, min(length, after + margin)


@dataclass(frozen=True, slots=True)
class Windowed:
    """``detector`` over windows of ``size + 2 * margin`` characters. Whatever is found of at most ``margin`` characters is found whole,
    with as many before or after it as the margin leaves; texts of one window are read as they are."""

    detector: Detector
    size: int = 4_000
    margin: int = 400

    @property
    def name(self) -> str:
        return self.detector.name

    def find(self, text: str) -> Sequence[Finding]:
        if len(text) <= self.size + self.margin:
            return self.detector.find(text)
        found: list[Finding] = []
        for start, core_start, core_end, end in windows(len(text), self.size, self.margin):
            for each in self.detector.find(text[start:end]):
                moved = Finding(each.kind, each.start + start, each.end + start, each.score)
                if moved.start < core_end and moved.end > core_start:
                    found.append(moved)
        return _joined(found)


def _joined(found: list[Finding]) -> list[Finding]:
    """Two windows see what lies across their border: what they both say is said once, and the halves of what is longer than a margin
    are one again."""
    joined: list[Finding] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        last = joined[-1] if joined else None
        if last is not None and last.kind == each.kind and each.start < last.end:
            joined[-1] = Finding(each.kind, last.start, max(last.end, each.end), max(last.score, each.score))
        else:
            joined.append(each)
    return resolved(joined)
