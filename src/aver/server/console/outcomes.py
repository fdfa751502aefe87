"""How a turn ended, as every page shows it: in which colour, and by which shape."""

from __future__ import annotations

from collections.abc import Mapping

from aver.ops.turns.types import Outcome

__all__ = ["STATES"]

STATES: Mapping[Outcome, tuple[str, str]] = {
    "answered": ("pass", "check"),
    "abstained": ("undecided", "diamond"),
    "failed": ("block", "octagon"),
    "blocked": ("flag", "triangle"),
    "cancelled": ("muted", "cross"),
    "open": ("accent", "part"),
}
"""The colour and the shape of each outcome."""
