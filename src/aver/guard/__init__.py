"""Checks of text on its way in, through and out, and their verdicts."""

from aver.guard.context import Context
from aver.guard.declared import GUARDRAILS, Guardrails, guard_of, read_guardrails
from aver.guard.detecting import Detecting
from aver.guard.judging import NOTHING, Guard, Judged, Judgement, Rail, facts_of
from aver.guard.overlaps import resolved
from aver.guard.redaction import mask
from aver.guard.streaming import Passage, passing
from aver.guard.types import Check, Detector, Finding, Mode, Outcome, Place, Verdict
from aver.guard.values import Spelled, judge_value
from aver.guard.vault import Restored, Vault
from aver.guard.windows import Windowed

__all__ = [
    "GUARDRAILS",
    "NOTHING",
    "Check",
    "Context",
    "Detecting",
    "Detector",
    "Finding",
    "Guard",
    "Guardrails",
    "Judged",
    "Judgement",
    "Mode",
    "Outcome",
    "Passage",
    "Place",
    "Rail",
    "Restored",
    "Spelled",
    "Vault",
    "Verdict",
    "Windowed",
    "facts_of",
    "guard_of",
    "judge_value",
    "mask",
    "passing",
    "read_guardrails",
    "resolved",
]
