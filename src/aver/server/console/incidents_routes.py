"""The addresses of the Incidents page: reading, and the same acts as ``aver incident``, ``aver runbook`` and ``aver mitigation`` have, under the same rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.core.principal import Principal
from aver.ops.types import Severity
from aver.server.application import TenantServices
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.incidents import incident_view, incidents_view
from aver.server.console.rooms import address
from aver.server.correcting import accept
from aver.server.http.auth import actor_of

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)

Text = Annotated[str, Form()]
_HOUR = timedelta(hours=1)


@router.get("/incidents")
async def page(
    request: Request, period: str = "", which: str = "", page: int = 1, turn: str = "", incident: str = ""
) -> Response:
    """What stands, what is promised, and what happened."""
    principal, services = await entered(request, "oversee")
    if incident:
        return RedirectResponse(f"/incidents/{incident}", HTTPStatus.SEE_OTHER)
    now = application_of(request).clock.now()
    look = partial(incidents_view, period=period, which=which, page=page, turn=turn)
    view = await asyncio.to_thread(look, services, principal, now)
    return await room(request, principal, services, "incidents.html", view)


@router.post("/incidents")
async def opened(
    request: Request, title: Text = "", severity: Text = "page", feature: Text = "", turn: Text = ""
) -> Response:
    """Open one, or report a turn."""
    principal, services = await entered(request, "oversee")

    def act() -> str:
        if severity not in ("page", "ticket", "notice"):
            raise InvalidInput("There is no such severity", "Choose page, ticket or notice.")
        words = cast("Severity", severity)
        desk = services.operations.incidents
        if turn:
            services.outbox.settle()
        known = desk.reported(turn) if turn else None
        return (known or desk.open(title, by=principal.user, severity=words, feature=feature, turn=turn)).id

    try:
        return _to(await asyncio.to_thread(act))
    except AverError as error:
        return await _all(request, principal, services, error, turn)


@router.post("/alerts/silence")
async def silence(request: Request, rule: Text = "", reason: Text = "") -> Response:
    """Tell nobody of a rule's alerts for an hour."""
    principal, services = await entered(request, "stop")
    act = partial(services.operations.alerts.silence, {"rule": rule}, _HOUR, by=principal.user, reason=reason)
    try:
        await asyncio.to_thread(act)
    except AverError as error:
        return await _all(request, principal, services, error)
    return RedirectResponse("/incidents", HTTPStatus.SEE_OTHER)


@router.get("/incidents/{incident}")
async def one(request: Request, incident: str, runbook: str = "") -> Response:
    """What evidence says of one, and what can be done about it."""
    principal, services = await entered(request, "oversee")
    view = await asyncio.to_thread(partial(incident_view, services, principal, incident, runbook=runbook))
    return await room(request, principal, services, "incidents_one.html", view)


@router.get("/incidents/{incident}/postmortem.md")
async def postmortem(request: Request, incident: str) -> Response:
    """The draft of what is written after it, to keep."""
    _, services = await entered(request, "oversee")
    written = await asyncio.to_thread(services.operations.postmortem, incident)
    headers = {
        "Content-Disposition": f'attachment; filename="{incident}.md"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(written, headers=headers, media_type="text/markdown; charset=utf-8")


@router.post("/incidents/{incident}")
async def say(request: Request, incident: str, word: Text = "", text: Text = "") -> Response:
    """Write something down of it, or say that it is over, or done with."""
    principal, services = await entered(request, "oversee" if word == "note" else "stop")
    desk = services.operations.incidents
    acts = {"note": desk.note, "mitigate": desk.mitigate, "resolve": desk.resolve}

    def act() -> None:
        if word not in acts:
            raise InvalidInput("There is no such word", "Note, mitigate or resolve.")
        acts[word](incident, text, by=principal.user)

    return await _done(request, principal, services, incident, act)


@router.post("/incidents/{incident}/runbooks/{runbook}")
async def step(
    request: Request, incident: str, runbook: str, number: Annotated[int, Form()] = 0, reason: Text = ""
) -> Response:
    """Take one step of a runbook, or say that one did."""
    principal, services = await entered(request, "oversee")
    actor = actor_of(request, principal)

    def act() -> None:
        services.operations.run_of(runbook, incident).run(number, actor, reason=reason)

    return await _done(request, principal, services, incident, act, runbook)


@router.post("/incidents/{incident}/undo")
async def undo(
    request: Request, incident: str, mitigation: Text = "", reason: Text = "", runbook: Text = ""
) -> Response:
    """Take back what was done."""
    principal, services = await entered(request, "oversee")
    act = partial(services.operations.mitigations.undo, mitigation, actor_of(request, principal), reason=reason)
    return await _done(request, principal, services, incident, act, runbook)


@router.post("/mitigations/undo")
async def undo_standing(request: Request, mitigation: Text = "", reason: Text = "") -> Response:
    """Take back what is in force, from the page of all."""
    principal, services = await entered(request, "oversee")
    act = partial(services.operations.mitigations.undo, mitigation, actor_of(request, principal), reason=reason)
    try:
        await asyncio.to_thread(act)
    except AverError as error:
        return await _all(request, principal, services, error)
    return RedirectResponse("/incidents", HTTPStatus.SEE_OTHER)


@router.post("/incidents/{incident}/actions")
async def take_on(request: Request, incident: str, proposed: Annotated[int, Form()] = 0, text: Text = "") -> Response:
    """Take on what is proposed, by its number, or something else."""
    principal, services = await entered(request, "stop")

    def act() -> None:
        if not proposed:
            services.operations.corrections.accept(incident, "other", text, by=principal.user)
            return
        several = services.operations.report(incident).proposed
        if proposed > len(several):
            raise NotFound("That is proposed no more", "Look at what is.")
        accept(services, incident, several[proposed - 1], by=principal.user)

    return await _done(request, principal, services, incident, act)


@router.post("/incidents/{incident}/actions/{action}")
async def end(request: Request, incident: str, action: str, status: Text = "done", reason: Text = "") -> Response:
    """Say that what was taken on is done, or will not be."""
    principal, services = await entered(request, "stop")

    def act() -> None:
        word = "dropped" if status == "dropped" else "done"
        services.operations.corrections.end(action, word, by=principal.user, reason=reason)  # type: ignore[arg-type]

    return await _done(request, principal, services, incident, act)


async def _done(
    request: Request,
    principal: Principal,
    services: TenantServices,
    incident: str,
    act: Callable[[], object],
    runbook: str = "",
) -> Response:
    """Act, and go back to the page; what kept it from being done stands on the page as it is now."""
    try:
        await asyncio.to_thread(act)
    except AverError as error:
        look = partial(incident_view, services, principal, incident, runbook=runbook, problem=error)
        view = await asyncio.to_thread(look)
        return await room(request, principal, services, "incidents_one.html", view, status=error.status)
    return _to(incident, runbook)


async def _all(
    request: Request, principal: Principal, services: TenantServices, error: AverError, turn: str = ""
) -> Response:
    now = application_of(request).clock.now()
    view = await asyncio.to_thread(partial(incidents_view, services, principal, now, problem=error, turn=turn))
    return await room(request, principal, services, "incidents.html", view, status=error.status)


def _to(incident: str, runbook: str = "") -> Response:
    place = address(f"/incidents/{incident}", runbook=runbook)
    return RedirectResponse(f"{place}#runbook" if runbook else place, HTTPStatus.SEE_OTHER)
