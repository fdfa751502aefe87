"""The part of a bundle's section ``evals`` that names the critical flows of its feature, and how many cases each must have."""

from __future__ import annotations

from dataclasses import dataclass

from aver.gateway.config.shapes import Field, MapOf, Whole
from aver.gateway.config.words import NAME, NAMES, record

__all__ = ["FLOWS", "Flow"]


@dataclass(frozen=True, slots=True)
class Flow:
    """What the feature must do well. ``at_least`` are the confirmed cases of it that a person wrote or production gave; ``suites`` are those that may
    hold them, all where none is named."""

    name: str = ""
    at_least: int = 1
    suites: tuple[str, ...] = ()


FLOWS = MapOf(
    NAME,
    record(
        Flow,
        at_least=Field(Whole(1), "How many confirmed cases that are not synthetic it must have."),
        suites=Field(NAMES, "The suites that may hold them; all where none is named."),
    ),
)
"""``flows: {leave: {at_least: 20, suites: [handbook]}}``."""
