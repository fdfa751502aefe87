"""Agents that act: the durable loop of plan, act and observe, with approvals, memory and kill switches."""

from aver.agents.acting.approvals import Approval, Approvals, ApprovalStatus, Asking, Standing
from aver.agents.acting.declaration import AgentConfig
from aver.agents.acting.journal import Journal
from aver.agents.acting.memory import Memory, Remember, Remembered
from aver.agents.acting.running import Parts
from aver.agents.acting.service import Acting
from aver.agents.acting.state import ActionStatus
from aver.agents.acting.turns import Turns, TurnSummary
from aver.agents.acting.types import (
    Acted,
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
    "Acted",
    "Acting",
    "ActionStatus",
    "Agent",
    "AgentConfig",
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
