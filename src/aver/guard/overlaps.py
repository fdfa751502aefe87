"""Findings that lie over one another, made into findings that do not."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from aver.guard.types import Finding

__all__ = ["resolved"]


def resolved(findings: Iterable[Finding]) -> list[Finding]:
    """``findings`` in order, without overlaps, covering every character that any of them covers.

    Of two that overlap the surer one keeps its span, of equally sure ones the longer, then the first; what sticks out of the other stays
    as a finding of its own, so that cutting out what was found leaves nothing of either. Empty spans are dropped. O(n log n).
    """
    kept: list[Finding] = []
    waiting = [(each.start, -each.end, number, each) for number, each in enumerate(findings) if each.start < each.end]
    heapify(waiting)
    while waiting:
        _, _, number, one = heappop(waiting)
        if not kept or kept[-1].end <= one.start:
            kept.append(one)
            continue
        last = kept[-1]
        if _rank(one) > _rank(last):
            kept.pop()
            if last.start < one.start:
                kept.append(_cut(last, last.start, one.start))
            kept.append(one)
            if last.end > one.end:
                heappush(waiting, (one.end, -last.end, number, _cut(last, one.end, last.end)))
        elif one.end > last.end:
            heappush(waiting, (last.end, -one.end, number, _cut(one, last.end, one.end)))
    return kept


def _rank(finding: Finding) -> tuple[float, int, int]:
    return finding.score, finding.end - finding.start, -finding.start


def _cut(finding: Finding, start: int, end: int) -> Finding:
    return Finding(finding.kind, start, end, finding.score)
