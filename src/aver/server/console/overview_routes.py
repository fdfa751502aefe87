"""The addresses of the Overview and of the survey."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError
from aver.ops.scorecard.survey import POINTS
from aver.server.console.entry import Page, entered, shown
from aver.server.console.overview import overview
from aver.server.console.rooms import period as period_named
from aver.server.console.rooms import twin, twin_address

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)


@router.get("/overview")
async def scorecard(request: Request, feature: str = "", release: str = "", period: str = "30d") -> Response:
    """The scorecard of the tenant."""
    principal, services = await entered(request, "oversee")
    named = period_named(period, "30d")
    view = await asyncio.to_thread(overview, services, named, feature=feature, release=release)
    return twin(request, view.card.record()) or await shown(
        request,
        principal,
        "overview.html",
        view=view,
        place=services.store.tenant.name,
        here="overview",
        twin=twin_address(request),
    )


@router.get("/survey")
async def survey(request: Request, thanks: str = "") -> Response:
    """The one question, for whoever has not answered it this month."""
    principal, services = await entered(request)
    asks = await asyncio.to_thread(services.survey.asks, principal.user)
    place = services.store.tenant.name
    return await shown(
        request, principal, "survey.html", place=place, asks=asks, thanks=bool(thanks), points=POINTS, problem=None
    )


@router.post("/survey")
async def answer(request: Request, score: Annotated[str, Form()] = "", text: Annotated[str, Form()] = "") -> Response:
    """Say how useful it all is."""
    principal, services = await entered(request)
    chosen = int(score) if score.isascii() and score.isdigit() and len(score) == 1 else 0
    try:
        await asyncio.to_thread(services.survey.answer, principal.user, chosen, text)
    except AverError as error:
        return await shown(
            request,
            principal,
            "survey.html",
            status=error.status,
            place=services.store.tenant.name,
            asks=await asyncio.to_thread(services.survey.asks, principal.user),
            thanks=False,
            points=POINTS,
            problem=error,
        )
    return RedirectResponse("/survey?thanks=1", HTTPStatus.SEE_OTHER)
