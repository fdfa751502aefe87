"""``GET /v1/conversations``: the caller's own, showing what the caller may read now."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.agents.types import Conversation, ConversationSummary
from aver.server.http.auth import Caller, Services
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["assistant"])


class Conversations(BaseModel):
    conversations: list[ConversationSummary]


@router.get("/v1/conversations", response_model=Conversations, responses=problems(401))
async def conversations(principal: Caller, services: Services) -> Response:
    """Your conversations."""
    return reply({"conversations": await asyncio.to_thread(services.assistant.conversations, principal)})


@router.get("/v1/conversations/{conversation}", response_model=Conversation, responses=problems(401, 404))
async def conversation(conversation: str, principal: Caller, services: Services) -> Response:
    """A conversation of yours. What rests on a document you may no longer read is left out of it."""
    return reply(await asyncio.to_thread(services.assistant.conversation, principal, conversation))
