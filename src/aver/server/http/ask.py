"""``POST /v1/ask``: a question, answered at once or as it is verified, sentence by sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.agents import Answer, Progressed, SentenceReady, TurnEvent
from aver.core.errors import AverError
from aver.server.http.auth import Caller, Services
from aver.server.http.fields import Text, Traceparent
from aver.server.http.replies import problems, reply
from aver.server.http.streams import begun, event, event_stream, while_connected

__all__ = ["router", "turn_events"]

router = APIRouter(tags=["assistant"])

_STREAM = (
    "With `stream`, server-sent events: `progress` (a stage was reached), `sentence` (a verified sentence and the citations "
    "it introduces), then `answer` (the same document as without `stream`), or `error` (problem details)."
)


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    question: Text = Field(examples=["How many days of unused leave carry over?"])
    conversation: Text | None = Field(None, description="Continue this conversation; a new one begins without it.")
    limit: int | None = Field(None, ge=1, description="Passages to look at, if fewer than the assistant does.")
    stream: bool = Field(False, description=_STREAM)


@router.post(
    "/v1/ask",
    response_model=Answer,
    responses={
        200: {"description": _STREAM, "content": {"text/event-stream": {}}},
        **problems(400, 401, 403, 404, 413, 422, 502, 503),
    },
)
async def ask(
    body: Question, request: Request, principal: Caller, services: Services, traceparent: Traceparent
) -> Response:
    """Ask the assistant. Every sentence of the answer is verified against documents you may read, or marked."""
    await asyncio.to_thread(services.require_agreement, principal)
    asked = (principal, body.question, body.conversation)
    if not body.stream:
        turn = services.assistant.ask(*asked, limit=body.limit, traceparent=traceparent)
        return reply(await while_connected(request, turn))
    events = await begun(services.assistant.run(*asked, limit=body.limit, traceparent=traceparent))
    return event_stream(turn_events(events))


async def turn_events(events: AsyncGenerator[TurnEvent]) -> AsyncGenerator[bytes]:
    """A turn as server-sent events; a failure on the way is the last of them."""
    async with aclosing(events):
        try:
            async for item in events:
                yield event(_name(item), item)
        except AverError as error:
            yield event("error", error.problem())


def _name(item: Any) -> str:
    if isinstance(item, Progressed):
        return "progress"
    return "sentence" if isinstance(item, SentenceReady) else "answer"
