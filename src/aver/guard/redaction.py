"""What was found, cut out of a text for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aver.guard.types import Finding

__all__ = ["mask", "replaced"]


def mask(text: str, findings: Sequence[Finding]) -> str:
    """``text`` with ``[KIND]`` in place of each finding. Nothing leads back from it: equal values look like different ones."""
    return replaced(text, findings, lambda finding: f"[{finding.kind}]")


def replaced(text: str, findings: Sequence[Finding], by: Callable[[Finding], str]) -> str:
    """``findings`` are in order and do not overlap, as :func:`~aver.guard.overlaps.resolved` gives them."""
    parts: list[str] = []
    at = 0
    for each in findings:
        parts += (text[at : each.start], by(each))
        at = each.end
    parts.append(text[at:])
    return "".join(parts)
