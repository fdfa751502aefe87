"""The addresses of agents' work in the console: a task begun without scripts, and the approvals."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.core.principal import Principal
from aver.server.acting import begin
from aver.server.application import TenantServices
from aver.server.console.acting import pending
from aver.server.console.entry import Page, application_of, entered, shown

__all__ = ["begun", "router", "to_turn"]

_PATIENCE = 20.0
"""Seconds that a page waits for an agent."""

router = APIRouter(route_class=Page, include_in_schema=False)


@router.get("/approvals")
async def approvals(request: Request) -> Response:
    """What waits for whoever is signed in."""
    principal, services = await entered(request, "act")
    return await _approvals(request, services, principal)


@router.post("/approvals/{approval}")
async def answer(request: Request, approval: str, answer: Annotated[str, Form()] = "") -> Response:
    """Approve a call, or refuse it; its turn goes on, and is shown to its asker once it rests."""
    principal, services = await entered(request, "act")
    try:
        turn = await asyncio.to_thread(_answer, services, principal, approval, answer)
    except AverError as error:
        return await _approvals(request, services, principal, error)
    await _rested(application_of(request).runner.go_on(services, turn))
    try:
        outcome = await asyncio.to_thread(services.turns.outcome, principal, turn)
    except NotFound:  # another's
        return RedirectResponse("/approvals", HTTPStatus.SEE_OTHER)
    return to_turn(outcome.conversation, turn)


async def begun(
    request: Request, principal: Principal, services: TenantServices, name: str, task: str, conversation: str | None
) -> Response:
    """Have an agent do something, and show how that stands once it rests or has taken a while."""
    application = application_of(request)
    turn = await begin(application, services, principal, name, task, conversation)
    await _rested(application.runner.go_on(services, turn))
    outcome = await asyncio.to_thread(services.turns.outcome, principal, turn)
    return to_turn(outcome.conversation, turn)


def to_turn(conversation: str, turn: str) -> Response:
    """To the address of a turn."""
    query = urlencode({"conversation": conversation, "turn": turn})
    return RedirectResponse(f"/?{query}#{turn}", HTTPStatus.SEE_OTHER)


async def _rested(going: asyncio.Task[Any]) -> None:
    """Wait until a turn has ended or waits, but not for ever: the page says that it is at work. What went wrong, its evidence says."""
    await asyncio.wait({going}, timeout=_PATIENCE)


def _answer(services: TenantServices, principal: Principal, approval: str, answer: str) -> str:
    match answer:
        case "approve":
            return services.approvals.approve(principal, approval)
        case "conversation":
            return services.approvals.approve(principal, approval, "conversation")
        case "refuse" | "never":
            return services.approvals.reject(principal, approval, never=answer == "never")
    raise InvalidInput("There is no such answer", "Approve the call, or refuse it.")


async def _approvals(
    request: Request, services: TenantServices, principal: Principal, problem: AverError | None = None
) -> Response:
    found = await asyncio.to_thread(pending, services, principal)
    given = {"place": services.store.tenant.name, "principal": principal, "approvals": found, "problem": problem}
    return await shown(
        request, principal, "approvals.html", status=problem.status if problem else HTTPStatus.OK, **given
    )
