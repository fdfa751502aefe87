"""``/v1/agents/turns``: what agents do, and did, for the caller."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.agents.acting import OutcomeStatus, ToolStatus
from aver.server.http.auth import Caller, Services
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["agents"])


class Turned(BaseModel):
    turn: str
    conversation: str
    task: str
    status: OutcomeStatus
    created: datetime


class TurnList(BaseModel):
    turns: list[Turned]


class Effected(BaseModel):
    """One effect. `compensation` is what became of taking it back, where the turn was aborted."""

    action: str
    tool: str
    arguments: dict[str, Any]
    status: ToolStatus
    compensation: str


class TurnOutcome(BaseModel):
    """How a turn stands. `text` is the answer, or what became of it in words; `approvals` what it waits for."""

    turn: str
    conversation: str
    status: OutcomeStatus
    text: str
    output: Any
    error: str
    approvals: list[str]
    performed: list[Effected]


class Cancelled(BaseModel):
    turn: str
    cancelled: Literal[True]


@router.get("/v1/agents/turns", response_model=TurnList, responses=problems(401))
async def turns(principal: Caller, services: Services) -> Response:
    """Your turns, newest first."""
    return reply({"turns": await asyncio.to_thread(lambda: services.turns.listed(principal))})


@router.get("/v1/agents/turns/{turn}", response_model=TurnOutcome, responses=problems(401, 404))
async def turn(turn: str, principal: Caller, services: Services) -> Response:
    """How one of your turns stands: its answer, each effect it came to, and what it waits for."""
    return reply(await asyncio.to_thread(lambda: services.turns.outcome(principal, turn)))


@router.post("/v1/agents/turns/{turn}/cancel", response_model=Cancelled, responses=problems(401, 404))
async def cancel(turn: str, principal: Caller, services: Services) -> Response:
    """End one of your turns: nothing new is begun, and what can be taken back is."""
    await asyncio.to_thread(lambda: services.turns.cancel(principal, turn))
    return reply({"turn": turn, "cancelled": True})
