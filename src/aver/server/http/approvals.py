"""``/v1/approvals``: calls of tools that wait for the caller, shown as they are, and the caller's answer."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from aver.agents.acting import Approval, ApprovalStatus
from aver.policy import Effect, OriginKind, Reversal
from aver.server.http.auth import Actor, App, Services
from aver.server.http.fields import Labelled
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["agents"])


class OriginOf(BaseModel):
    """Where a value was seen: whose word it is, in which call or turn, who may read it (nobody named: everyone), and its label."""

    kind: OriginKind
    step: str
    readers: list[str] | None
    label: Labelled


class Asked(BaseModel):
    """A call that waits, or waited, for a person. `shown` are its arguments with everything written out that cannot be seen."""

    id: str
    status: ApprovalStatus
    turn: str
    conversation: str
    action: str
    asker: str
    tool: str
    effects: list[Effect]
    reversal: Reversal | None
    arguments: dict[str, Any]
    shown: dict[str, Any]
    warnings: list[str]
    reason: str
    policies: list[str]
    origins: dict[str, list[OriginOf]]
    task: str
    expires: datetime
    role: str


class ApprovalList(BaseModel):
    approvals: list[Asked]


class Approve(BaseModel):
    scope: Literal["once", "conversation"] = Field(
        "once", description="`conversation`: and calls like it in the same one."
    )
    reason: str = ""


class Refuse(BaseModel):
    never: bool = Field(False, description="Nor any by this tool at these targets, ever.")
    reason: str = ""


class Answered(BaseModel):
    id: str
    turn: str
    answer: Literal["approved", "refused"]


@router.get("/v1/approvals", response_model=ApprovalList, responses=problems(401))
async def approvals(principal: Actor, services: Services) -> Response:
    """What waits for your answer: calls of your own turns, and those of others that a second person with a role of yours approves."""
    found: list[Approval] = await asyncio.to_thread(lambda: services.approvals.pending(principal))
    return reply({"approvals": found})


@router.get("/v1/approvals/{approval}", response_model=Asked, responses=problems(401, 404))
async def approval(approval: str, principal: Actor, services: Services) -> Response:
    """One of them, answered or not: the exact call, why it is asked, and where each argument came from."""
    return reply(await asyncio.to_thread(lambda: services.approvals.show(principal, approval)))


@router.post("/v1/approvals/{approval}/approve", response_model=Answered, responses=problems(401, 403, 404, 409, 422))
async def approve(approval: str, answer: Approve, principal: Actor, services: Services, application: App) -> Response:
    """Let the call be made; its turn goes on."""
    give = partial(services.approvals.approve, principal, approval, answer.scope, answer.reason)
    turn = await asyncio.to_thread(give)
    application.runner.wake()
    return reply({"id": approval, "turn": turn, "answer": "approved"})


@router.post("/v1/approvals/{approval}/refuse", response_model=Answered, responses=problems(401, 403, 404, 409, 422))
async def refuse(approval: str, answer: Refuse, principal: Actor, services: Services, application: App) -> Response:
    """Let the call not be made; its turn goes on without it."""
    give = partial(services.approvals.reject, principal, approval, never=answer.never, reason=answer.reason)
    turn = await asyncio.to_thread(give)
    application.runner.wake()
    return reply({"id": approval, "turn": turn, "answer": "refused"})
