"""Every model behind one door: routed, survived, accounted for."""

from aver.gateway.calling.reply import Reply
from aver.gateway.calls import Call, CallRecord
from aver.gateway.service import Gateway
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Embedder, Message, Mode, Passage, Provider, Usage

__all__ = [
    "Call",
    "CallRecord",
    "ChatDelta",
    "ChatRequest",
    "Completion",
    "Embedder",
    "Gateway",
    "Message",
    "Mode",
    "Passage",
    "Provider",
    "Reply",
    "Usage",
]
