"""Checks of text on its way in, through and out, and their verdicts."""

from aver.guard.declared import GUARDRAILS, Guardrails, guard_of, read_guardrails
from aver.guard.detecting import Detecting
from aver.guard.judging import Guard, Judged, Judgement, Rail
from aver.guard.overlaps import resolved
from aver.guard.redaction import mask
from aver.guard.streaming import Passed, passing
from aver.guard.types import Check, Detector, Finding, Mode, Outcome, Place, Verdict
from aver.guard.vault import Restored, Vault
from aver.guard.windows import Windowed

__all__ = [
    "GUARDRAILS",
    "Check",
    "Detecting",
    "Detector",
    "Finding",
    "Guard",
    "Guardrails",
    "Judged",
    "Judgement",
    "Mode",
    "Outcome",
    "Passed",
    "Place",
    "Rail",
    "Restored",
    "Vault",
    "Verdict",
    "Windowed",
    "guard_of",
    "mask",
    "passing",
    "read_guardrails",
    "resolved",
]
