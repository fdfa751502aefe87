"""``/v1/drills``: what was drilled, how soon it was seen and contained, and how that changes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from aver.ops.drills.history import past, trends
from aver.server.application import TenantServices
from aver.server.http.auth import Overseer, Services
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["operations"])


class Drilled(BaseModel):
    """A drill. `mttd_s` is from the first effect to the first alert, `mttm_s` from there until users were spared; `null` where that was not seen. `lost` counts
    acknowledged turns that are not in evidence, and steps that do not verify."""

    id: str
    at: datetime
    name: str
    passed: bool
    place: Literal["copy", "in place"]
    mttd_s: float | None
    mttm_s: float | None
    lost: int
    leaked: int
    wrong: int


class DrillTrend(BaseModel):
    """A scenario over time. The changes are of the last drill against the mean of those before, in seconds."""

    name: str
    drills: int
    passed: int
    mttd_s: float | None
    mttm_s: float | None
    mttd_change_s: float | None
    mttm_change_s: float | None


class DrillHistory(BaseModel):
    drills: list[Drilled]
    trends: list[DrillTrend]


@router.get("/v1/drills", response_model=DrillHistory, responses=problems(401, 403))
async def drills(_: Overseer, services: Services) -> Response:
    """The drills on record, newest first, and what they come to by scenario. Needs the permission `oversee`."""
    return reply(await asyncio.to_thread(_history, services))


def _history(services: TenantServices) -> dict[str, object]:
    found = past(services.ledger)
    return {"drills": found, "trends": trends(found)}
