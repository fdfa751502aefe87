"""The addresses of turns in the console: all of them by filters, one as a story, and a look at its words, which is put on record."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from aver.core.errors import InvalidInput
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.sessions import same_origin
from aver.server.console.turns import one_turn, turns
from aver.server.inspecting import inspect, look

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)


@router.get("/turns")
async def listed(request: Request) -> Response:
    """Turns of everybody, in clear."""
    principal, services = await entered(request, "oversee")
    view = await asyncio.to_thread(turns, services, request.query_params, application_of(request).clock.now())
    return await room(request, principal, services, "turns.html", view)


@router.get("/turns/{turn}")
async def told(request: Request, turn: str) -> Response:
    """One turn: one's own with its words, another's without."""
    principal, services = await entered(request, "ask", "models", "oversee")
    found = await asyncio.to_thread(look, services, principal, turn)
    return await room(request, principal, services, "turns_one.html", one_turn(found))


@router.post("/turns/{turn}")
async def inspected(request: Request, turn: str, why: Annotated[str, Form()] = "") -> Response:
    """Another's turn with its words; the look is on record."""
    principal, services = await entered(request, "ask", "models", "oversee")
    if not same_origin(request):
        raise InvalidInput("The request came from another site", "Use the page of this server.")
    found = await asyncio.to_thread(inspect, services, principal, turn, why)
    return await room(request, principal, services, "turns_one.html", one_turn(found))
