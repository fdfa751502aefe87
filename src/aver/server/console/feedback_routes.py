"""The addresses of feedback: what askers say of an answer, the queue of turns that wait, and what is decided of each. All of it works without scripts."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Annotated, get_args

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput
from aver.core.principal import Principal
from aver.gateway.feedback import Reason, Said
from aver.server.console.approving import to_turn
from aver.server.console.entry import Page, entered, room
from aver.server.console.feedback import feedback
from aver.server.tenancy import TenantServices

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)
_SCORES = {"good": 1.0, "bad": 0.0}
_BACK = ("/turns/", "/feedback")


@router.get("/feedback")
async def queue(request: Request, show: str = "", page: int = 1) -> Response:
    """What waits for a decision."""
    principal, services = await entered(request, "triage")
    view = await asyncio.to_thread(feedback, services, principal, show=show, page=page)
    return await room(request, principal, services, "feedback.html", view)


@router.post("/feedback/{turn}")
async def decide(
    request: Request,
    turn: str,
    act: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    document: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Decide what becomes of a turn, then go back to where that was decided."""
    principal, services = await entered(request, "triage")
    # Each act has its own field: what stands in the others was chosen for another.
    given = {"title": title} if act == "incident" else {"document": document} if act == "document" else {}
    given |= {"reason": reason} if act == "dismissed" else {}
    try:
        await asyncio.to_thread(partial(services.triage.decide, turn, act, by=principal.user, note=note, **given))
    except AverError as error:
        problem = (error.cause, error.next_step)
        view = await asyncio.to_thread(feedback, services, principal, problem=problem)
        return await room(request, principal, services, "feedback.html", view, status=error.status)
    within = back.startswith(_BACK) and "\\" not in back and back.isprintable()
    return RedirectResponse(back if within else "/feedback", HTTPStatus.SEE_OTHER)


@router.post("/turns/{turn}/feedback")
async def say(
    request: Request,
    turn: str,
    answer: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    correction: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
    conversation: Annotated[str, Form()] = "",
) -> Response:
    """Say how helpful an answer to oneself was, say more of it, or take it back."""
    principal, services = await entered(request)
    await asyncio.to_thread(_said, services, principal, turn, answer, (reason, correction, comment))
    return to_turn(conversation, turn)


def _said(services: TenantServices, principal: Principal, turn: str, answer: str, more: tuple[str, str, str]) -> None:
    if answer == "back":
        services.take_back_feedback(turn, principal)
        return
    if answer not in _SCORES:
        raise InvalidInput("There is no such answer", "Say that it was helpful, or that it was not.")
    reason, correction, comment = more
    if reason and reason not in get_args(Reason):
        raise InvalidInput("There is no such reason", "Choose one of the list.")
    score = _SCORES[answer]
    known = next((each for each in get_args(Reason) if each == reason and score == 0), None)
    services.give_feedback(turn, Said(score, known, correction.strip(), comment.strip()), principal)
