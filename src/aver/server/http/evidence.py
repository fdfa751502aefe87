"""``GET /v1/turns/{turn}/evidence``: the sealed steps of one of the caller's own turns."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.evidence.types import Step
from aver.server.http.auth import Caller, Services
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["evidence"])


class Steps(BaseModel):
    turn: str
    steps: list[Step]


@router.get("/v1/turns/{turn}/evidence", response_model=Steps, responses=problems(401, 404))
async def evidence(turn: str, principal: Caller, services: Services) -> Response:
    """What happened in a turn of yours, step by step, as it is sealed in the chain."""
    steps = await asyncio.to_thread(services.assistant.evidence, principal, turn)
    return reply({"turn": turn, "steps": steps})
