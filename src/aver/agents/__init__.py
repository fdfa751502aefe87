"""The turn: retrieve, generate, verify, respond; conversations."""

from aver.agents.release import Release
from aver.agents.service import Assistant
from aver.agents.types import (
    Answer,
    Citation,
    Conversation,
    ConversationSummary,
    LookedAt,
    PastTurn,
    Progressed,
    Sentence,
    SentenceReady,
    TurnEvent,
    render,
)

__all__ = [
    "Answer",
    "Assistant",
    "Citation",
    "Conversation",
    "ConversationSummary",
    "LookedAt",
    "PastTurn",
    "Progressed",
    "Release",
    "Sentence",
    "SentenceReady",
    "TurnEvent",
    "render",
]
