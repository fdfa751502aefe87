"""Checks of text on its way in, through and out, and their verdicts."""

from aver.guard.types import Check, Detector, Finding, Outcome, Place, Verdict

__all__ = ["Check", "Detector", "Finding", "Outcome", "Place", "Verdict"]
