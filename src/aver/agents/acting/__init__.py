"""Agents that act: the durable loop of plan, act and observe, with approvals, memory and kill switches."""

from aver.agents.acting.approvals import Approvals, Asking, Pending, Standing
from aver.agents.acting.journal import Journal
from aver.agents.acting.memory import Memory, Remember, Remembered
from aver.agents.acting.running import Parts
from aver.agents.acting.service import Acting
from aver.agents.acting.types import (
    Agent,
    FourEyes,
    Idempotent,
    Limits,
    Outcome,
    Performed,
    Provenance,
    TellsApart,
)

__all__ = [
    "Acting",
    "Agent",
    "Approvals",
    "Asking",
    "FourEyes",
    "Idempotent",
    "Journal",
    "Limits",
    "Memory",
    "Outcome",
    "Parts",
    "Pending",
    "Performed",
    "Provenance",
    "Remember",
    "Remembered",
    "Standing",
    "TellsApart",
]
