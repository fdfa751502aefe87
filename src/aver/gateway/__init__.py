"""Model providers and embedders behind one protocol."""

from aver.gateway.service import Gateway, Reply
from aver.gateway.types import ChatDelta, ChatRequest, Embedder, Message, Mode, Passage, Provider, Usage

__all__ = [
    "ChatDelta",
    "ChatRequest",
    "Embedder",
    "Gateway",
    "Message",
    "Mode",
    "Passage",
    "Provider",
    "Reply",
    "Usage",
]
