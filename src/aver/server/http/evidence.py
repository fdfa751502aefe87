"""``GET /v1/turns/{turn}/evidence``, ``/lineage``: the sealed steps of one of the caller's own turns, and what its answer rests on."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.agents.lineage import TurnLineage
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
    steps = await asyncio.to_thread(services.evidence, principal, turn)
    return reply({"turn": turn, "steps": steps})


@router.get("/v1/turns/{turn}/lineage", response_model=TurnLineage, responses=problems(401, 404))
async def lineage(turn: str, principal: Caller, services: Services) -> Response:
    """What the answer of a turn of yours rests on: of each citation the passage, the document version, the source's object that it was made
    of, and the step of evidence that took it in. What you may not read any more is left out."""
    return reply(await asyncio.to_thread(services.assistant.lineage, principal, turn))
