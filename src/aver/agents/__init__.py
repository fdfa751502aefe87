"""The turn: retrieve, generate, verify, respond; conversations."""

from aver.agents.parts import Lend, Released, always
from aver.agents.pin import Pin
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
    "Lend",
    "LookedAt",
    "PastTurn",
    "Pin",
    "Progressed",
    "Release",
    "Released",
    "Sentence",
    "SentenceReady",
    "TurnEvent",
    "always",
    "render",
]
