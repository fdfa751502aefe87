"""How confidential content is and where it may go, and whether a provider may be given it. Pure.

Four levels, as ISO/IEC 27002:2022 (5.12) leaves to an organisation and most use; regions are names that the organisation chooses, such as
``eu``. What is made of several things is as confidential as the most confidential of them, and may go only where all of them may.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["ANYTHING", "LEVELS", "UNLABELLED", "Label", "Level", "combined"]

Level = Literal["public", "internal", "confidential", "restricted"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From least to most confidential."""
UNLABELLED: Level = "internal"
"""The most confidential content that a provider is given which says nothing of what it may be given."""


@dataclass(frozen=True, slots=True)
class Label:
    """Of content. Without ``regions`` (``None``) it may go anywhere; with none in it, nowhere outside of this process."""

    level: Level = "public"
    regions: frozenset[str] | None = None

    def refuses(self, clearance: str, region: str) -> str:
        """Why a provider that may be given content up to ``clearance`` (empty: it does not say) and serves from ``region`` may not be given
        this: ``classification``, ``residency`` or nothing."""
        given = clearance if clearance in LEVELS else UNLABELLED
        if LEVELS.index(self.level) > LEVELS.index(given):
            return "classification"
        if self.regions is not None and region not in self.regions:
            return "residency"
        return ""


ANYTHING = Label()
"""Of content that nothing is declared of."""


def combined(labels: Iterable[Label]) -> Label:
    """Of what is made of things with these labels."""
    level, regions = 0, None
    for each in labels:
        level = max(level, LEVELS.index(each.level))
        if each.regions is not None:
            regions = each.regions if regions is None else regions & each.regions
    return Label(LEVELS[level], regions)
