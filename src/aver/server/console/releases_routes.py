"""The addresses of the Releases page: reading, and the same acts as ``aver release`` and ``aver rollout`` have, under the same rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, Forbidden, InvalidInput
from aver.core.principal import Principal
from aver.server.application import Application, TenantServices
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.releases import releases
from aver.server.console.rooms import address
from aver.server.releasing import registry
from aver.server.rolling import promote_rollout, say_of_rollout, start_rollout

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/releases")
async def page(request: Request, release: str = "", before: str = "", after: str = "", page: int = 1) -> Response:
    """What is in force where, what there is, and how it is let in."""
    principal, services = await entered(request, "oversee")
    look = partial(releases, release=release, before=before, after=after, page=page)
    view = await asyncio.to_thread(look, application_of(request), services, principal)
    return await room(request, principal, services, "releases.html", view)


@router.post("/releases/{release}/sign-off")
async def sign_off(request: Request, release: str, role: Text = "", note: Text = "") -> Response:
    """Say in a role of one's own that a release may be promoted."""
    principal, services = await entered(request, "oversee")

    def act() -> None:
        if role not in principal.roles:
            raise Forbidden(f"You do not have the role {role[:60]!r}", "Ask somebody who has it.")
        known = registry(application_of(request))
        known.sign_off(known.get(release), role, by=principal.user, note=note)

    return await _done(request, principal, services, act, release)


@router.post("/environments/{name}/promote")
async def promote(request: Request, name: str, release: Text = "", reason: Text = "", force: Text = "") -> Response:
    """Put a release in force, once it lacks nothing; with ``force`` without, by a role that may."""
    principal, services = await entered(request, "release")
    known = registry(application_of(request))
    forward = partial(known.promote, roles=principal.roles, force=bool(force))
    act = partial(forward, name, release, principal.user, reason)
    return await _done(request, principal, services, act, release)


@router.post("/environments/{name}/rollback")
async def rollback(request: Request, name: str, reason: Text = "", to: Text = "") -> Response:
    """Put the release before in force again."""
    principal, services = await entered(request, "release")
    act = partial(registry(application_of(request)).rollback, name, principal.user, reason, to or None)
    return await _done(request, principal, services, act)


@router.post("/environments/{name}/rollout")
async def steer(
    request: Request, name: str, word: Text = "", reason: Text = "", release: Text = "", variant: Text = ""
) -> Response:
    """Begin a rollout, pause it, go on, end it, or give everybody the candidate."""
    principal, services = await entered(request, "release")
    act = partial(_steer, application_of(request), name, word, principal.user, reason, release, variant)
    return await _done(request, principal, services, act)


def _steer(
    application: Application, environment: str, word: str, by: str, reason: str, release: str, variant: str
) -> None:
    match word:
        case "start":
            start_rollout(application, environment, release, by=by)
        case "pause" | "resume" | "abort":
            say_of_rollout(application, environment, word, by=by, reason=reason)
        case "promote":
            promote_rollout(application, environment, by=by, reason=reason, variant=variant)
        case _:
            raise InvalidInput("There is no such word", "Start, pause, resume, abort or promote.")


async def _done(
    request: Request, principal: Principal, services: TenantServices, act: Callable[[], object], release: str = ""
) -> Response:
    """Act, and go back to the page; what kept it from being done stands on the page as it is now."""
    try:
        await asyncio.to_thread(act)
    except AverError as error:
        view = await _after(application_of(request), services, principal, release, error)
        return await room(request, principal, services, "releases.html", view, status=error.status)
    return RedirectResponse(address("/releases", release=release), HTTPStatus.SEE_OTHER)


async def _after(
    application: Application, services: TenantServices, principal: Principal, release: str, problem: AverError
) -> object:
    look = partial(releases, application, services, principal, problem=problem)
    try:
        return await asyncio.to_thread(look, release=release)
    except AverError:  # there is no such release: the list is what can be shown
        return await asyncio.to_thread(look)
