"""``GET /v1/scorecard``: the figures that an organisation steers by."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from aver.ops.scorecard.service import period_of
from aver.ops.scorecard.types import Better, Group, Method, Standing, Trend, Unit, Wanted
from aver.server.application import TenantServices
from aver.server.http.auth import Overseer, Services
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["scorecard"])


class Part(BaseModel):
    """A value of a part of the period, which begins `at`."""

    at: datetime
    value: float | None
    low: float | None
    high: float | None
    sample: float


class Kpi(BaseModel):
    name: str
    value: float | None = Field(description="In `unit`; none where `reason` says why.")
    target: float | None = Field(description="What is asked of it, of a whole period.")
    reason: str | None = Field(description="Why there is no value.")
    key: str = Field(description="By which the bundle declares its target.")
    group: Group
    unit: Unit
    better: Better
    standing: Standing = Field(description="How the whole of the interval stands to the target.")
    low: float | None = Field(description="Of the 95 % interval.")
    high: float | None
    sample: float
    method: Method | None
    note: str | None
    todo: str | None = Field(description="What to do to get a value.")
    before: float | None = Field(description="The value in the period before.")
    change: float | None
    trend: Trend
    series: list[Part]
    behind: str = Field(description="The address, in the console, of what it was counted from.")
    narrowed: bool = Field(description="Whether it is of the feature and the release that were asked for; else of all.")
    definition: str
    numerator: str
    denominator: str


class PutInForce(BaseModel):
    at: datetime
    release: str


class ScorecardReply(BaseModel):
    tenant: str
    feature: str | None
    release: str | None
    since: datetime
    until: datetime
    kpis: list[Kpi]
    releases: list[PutInForce]


@router.get("/v1/scorecard", response_model=ScorecardReply, responses=problems(401, 403, 422))
async def scorecard(
    _: Overseer,
    services: Services,
    feature: Annotated[str, Query(max_length=128, description="The assistant or an agent; all, if left out.")] = "",
    release: Annotated[str, Query(max_length=64, description="A digest, or its beginning; all, if left out.")] = "",
    period: Annotated[str, Query(max_length=8, description="Up to now, as in 24h, 30d, 4w or 1y.")] = "30d",
) -> Response:
    """Every KPI with its interval, target and trend, or why there is no data yet. Needs the permission `oversee`."""
    return reply(await asyncio.to_thread(_read, services, Wanted(feature, release, period_of(period))))


def _read(services: TenantServices, wanted: Wanted) -> dict[str, Any]:
    services.operations.read()
    return services.scorecards.read(wanted).record()
