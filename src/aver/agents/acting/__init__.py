"""Agents that act: the durable loop of plan, act and observe, with approvals, memory and kill switches."""

from aver.agents.acting.approvals import Approval, Approvals, ApprovalStatus, Asking, Standing
from aver.agents.acting.journal import Journal
from aver.agents.acting.memory import Memory, Remember, Remembered
from aver.agents.acting.running import Parts
from aver.agents.acting.service import Acting
from aver.agents.acting.turns import Turns, TurnSummary
from aver.agents.acting.types import (
    Agent,
    FourEyes,
    Idempotent,
    Limits,
    Outcome,
    OutcomeStatus,
    Performed,
    TellsApart,
    ToolStatus,
)

__all__ = [
    "Acting",
    "Agent",
    "Approval",
    "ApprovalStatus",
    "Approvals",
    "Asking",
    "FourEyes",
    "Idempotent",
    "Journal",
    "Limits",
    "Memory",
    "Outcome",
    "OutcomeStatus",
    "Parts",
    "Performed",
    "Remember",
    "Remembered",
    "Standing",
    "TellsApart",
    "ToolStatus",
    "TurnSummary",
    "Turns",
]
