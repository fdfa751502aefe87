"""Checks of text on its way in, through and out, and their verdicts."""

from aver.guard.detecting import Detecting
from aver.guard.judging import Guard, Judged, Judgement, Rail
from aver.guard.overlaps import resolved
from aver.guard.redaction import mask
from aver.guard.streaming import Passed, passing
from aver.guard.types import Check, Detector, Finding, Mode, Outcome, Place, Verdict
from aver.guard.windows import Windowed

__all__ = [
    "Check",
    "Detecting",
    "Detector",
    "Finding",
    "Guard",
    "Judged",
    "Judgement",
    "Mode",
    "Outcome",
    "Passed",
    "Place",
    "Rail",
    "Verdict",
    "Windowed",
    "mask",
    "passing",
    "resolved",
]
