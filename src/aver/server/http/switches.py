"""``/v1/switches``: what is stopped for the caller's tenant; whoever keeps it stops more and lets it go on."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from aver.server import administering
from aver.server.http.auth import App, Operator, Watcher
from aver.server.http.replies import problems, reply
from aver.server.switching import switches_of, throw_switch
from aver.store import SwitchKind

__all__ = ["router"]

router = APIRouter(tags=["switches"])


class Switched(BaseModel):
    """Something that is stopped. ``tenant`` is empty for what is stopped for every tenant."""

    id: str
    kind: SwitchKind
    name: str
    tenant: str
    reason: str
    thrown: datetime


class SwitchList(BaseModel):
    switches: list[Switched]


class Throwing(BaseModel):
    """What to stop, for the caller's tenant."""

    kind: SwitchKind = Field(description="`tool`, `feature` and `model` (or a route) have a name, `tenant` has none.")
    name: str = ""
    reason: str = Field(description="Users are told.")


class Lifted(BaseModel):
    id: str
    lifted: bool


@router.get("/v1/switches", response_model=SwitchList, responses=problems(401))
async def switches(principal: Watcher, application: App) -> Response:
    """What is stopped for your tenant, by itself or with all others, and why."""
    return reply({"switches": await asyncio.to_thread(switches_of, application, principal.tenant)})


@router.post("/v1/switches", response_model=Switched, responses=problems(401, 403, 404, 422))
async def throw(wanted: Throwing, principal: Operator, application: App) -> Response:
    """Stop a tool, a feature, a model, or all of it, for your tenant, on every replica within a second. Needs the permission `stop`."""
    stop = partial(throw_switch, reason=wanted.reason, by=principal.user)
    return reply(await asyncio.to_thread(stop, application, wanted.kind, wanted.name, principal.tenant))


@router.delete("/v1/switches/{switch}", response_model=Lifted, responses=problems(401, 403, 404))
async def lift(switch: str, principal: Operator, application: App) -> Response:
    """Let go on what was stopped for your tenant. Needs the permission `stop`."""
    await asyncio.to_thread(administering.lift, application, principal, switch)
    return reply({"id": switch, "lifted": True})
