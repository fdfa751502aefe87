"""``/healthz``: the process answers. ``/readyz``: so do its storage and its model."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.ops.health.checks import HealthSignal
from aver.server.http.auth import App
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["health"])


class Healthy(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    """`concerns` are signals that something around the process is not as it should be for somebody, while it can answer: `aver alerts list` says what."""

    status: Literal["ready"]
    concerns: list[HealthSignal]


@router.get("/healthz", response_model=Healthy)
async def healthz() -> Response:
    """The process is alive."""
    return reply({"status": "ok"})


@router.get("/readyz", response_model=Ready, responses=problems(503))
async def readyz(application: App) -> Response:
    """Storage answers and the model is loaded: send requests. Until then, 503 says what is missing."""
    await asyncio.to_thread(application.check_ready)
    return reply({"status": "ready", "concerns": application.health.conditions.signals()})
