"""How confidential content is and where it may go, and whether a provider or a tool may be given it. Pure.

Four levels, as ISO/IEC 27002:2022 (5.12) leaves to an organisation and most use; regions are names that the organisation chooses, such as
``eu``. What is made of several things is as confidential as the most confidential of them, and may go only where all of them may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aver.core.errors import InvalidInput

__all__ = ["ANYTHING", "LEVELS", "REGION", "UNLABELLED", "Label", "Level", "combined", "raisers", "read_label"]

Level = Literal["public", "internal", "confidential", "restricted"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From least to most confidential."""
UNLABELLED: Level = "internal"
"""The most confidential content that a provider is given which says nothing of what it may be given."""
REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""How a region is written."""


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

    def __str__(self) -> str:
        where = "anywhere" if self.regions is None else ", ".join(sorted(self.regions)) or "nowhere else"
        return f"{self.level}, {where}"

    def facts(self) -> dict[str, Any]:
        """For a step of evidence, in clear."""
        return {"level": self.level, **({} if self.regions is None else {"regions": sorted(self.regions)})}

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; :func:`read_label` reads it back."""
        return {"level": self.level, "regions": None if self.regions is None else sorted(self.regions)}


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


def raisers(labels: Mapping[str, Label]) -> list[str]:
    """The names of those that make the whole as it is: as confidential as it, or not free to go anywhere."""
    whole = combined(labels.values())
    return [
        name for name, each in labels.items() if each.regions is not None or each.level == whole.level != ANYTHING.level
    ]


def read_label(plain: Any) -> Label:
    """As :meth:`Label.plain` wrote it; of nothing, the one of what nothing is declared of. Raises :class:`~aver.core.errors.InvalidInput`."""
    if plain is None:
        return ANYTHING
    said = plain if isinstance(plain, Mapping) else {"level": None}
    level, regions = said.get("level", ANYTHING.level), said.get("regions")
    if level not in LEVELS:
        raise InvalidInput("This is no label: its level is unknown", f"The levels are {', '.join(LEVELS)}.")
    named = regions if isinstance(regions, list | tuple) else () if regions is None else (None,)
    if not all(isinstance(each, str) and REGION.fullmatch(each) for each in named):
        raise InvalidInput("This is no label: its regions are no names", "Write a list of names such as eu-west.")
    return Label(level, None if regions is None else frozenset(named))
