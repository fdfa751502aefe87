"""``GET /v1/sources``: how the sources stand, as much of it as the caller may know."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from aver.knowledge.quality import STALE_DAYS
from aver.knowledge.sources.overview import SourceOverview
from aver.server.http.auth import Services, Watcher
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["sources"])

StaleDays = Annotated[int, Query(ge=1, le=36_500, description="Documents not changed for so many days are stale.")]


class Sources(BaseModel):
    sources: list[SourceOverview]


@router.get("/v1/sources", response_model=Sources, responses=problems(401, 422))
async def sources(principal: Watcher, services: Services, stale_days: StaleDays = STALE_DAYS) -> Response:
    """The sources of the documents you may read: how fresh each is, and how good those documents are. With the permission ``oversee`` all sources and
    all their documents, what failed, and who may read how many."""
    return reply({"sources": await asyncio.to_thread(services.sources.overviews, principal, stale_days)})


@router.get("/v1/sources/{name:path}", response_model=SourceOverview, responses=problems(401, 404, 422))
async def source(name: str, principal: Watcher, services: Services, stale_days: StaleDays = STALE_DAYS) -> Response:
    """One of them."""
    return reply(await asyncio.to_thread(services.sources.overview, principal, name, stale_days))
