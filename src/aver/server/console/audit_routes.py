"""The addresses of the Audit page: reading, and the same acts as ``aver controls``, ``aver evidence anchor`` and ``aver pack`` have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import FileResponse, RedirectResponse

from aver.core.errors import AverError
from aver.core.principal import Principal
from aver.governance.controls.kept import KeptResults
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.controls.service import check
from aver.server.console.audit import audit
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.governing import period_of
from aver.server.tenancy import TenantServices

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/audit")
async def page(
    request: Request,
    framework: str = "",
    kind: str = "",
    before: int = 0,
    step: int = 0,
    verify: str = "",
    places: str = "",
) -> Response:
    """How it all stands; what is asked for more is worked out while one waits."""
    principal, services = await entered(request, "audit")
    look = partial(audit, application_of(request), services, principal, framework=framework, kind=kind, before=before)
    view = await asyncio.to_thread(partial(look, step=step, verify=bool(verify), places=bool(places)))
    return await room(request, principal, services, "audit.html", view)


@router.post("/audit/check")
async def check_controls(request: Request, since: Text = "") -> Response:
    """Work the controls out over a period until now."""
    principal, services = await entered(request, "audit")
    now = application_of(request).clock.now()

    def act() -> None:
        begin, end = period_of(since, "", now)
        services.controls.keep(KeptResults(begin, end, check(services.store, find(), begin, end)))

    return await _done(request, principal, services, act, "controls")


@router.post("/audit/anchor")
async def anchor(request: Request) -> Response:
    """Tell the places outside how the chain stands."""
    principal, services = await entered(request, "administer")
    return await _done(request, principal, services, services.anchors.anchor, "anchors")


@router.post("/audit/packs")
async def make_pack(request: Request, since: Text = "", framework: Text = "") -> Response:
    """Make an evidence pack."""
    principal, services = await entered(request, "audit")
    now = application_of(request).clock.now()

    def act() -> None:
        begin, end = period_of(since, "", now)
        found = plain_frameworks(find([framework] if framework else []))
        services.shelf.make(begin, end, found, principal.user)

    return await _done(request, principal, services, act, "packs")


@router.get("/audit/packs/{pack}")
async def pack_file(request: Request, pack: str) -> Response:
    """Take a pack away, on record."""
    principal, services = await entered(request, "audit")
    path = await asyncio.to_thread(services.shelf.file, pack)
    await asyncio.to_thread(services.read_by, principal, "pack", "console", (), pack)
    return FileResponse(path, media_type="application/zip", filename=f"{pack}.zip")


async def _done(
    request: Request, principal: Principal, services: TenantServices, act: Callable[[], object], part: str
) -> Response:
    """Act, and go back to a part of the page; what kept it from being done stands on the page as it is now."""
    try:
        await asyncio.to_thread(act)
    except AverError as error:
        look = partial(audit, application_of(request), services, principal, problem=error)
        return await room(
            request, principal, services, "audit.html", await asyncio.to_thread(look), status=error.status
        )
    return RedirectResponse(f"/audit#{part}", HTTPStatus.SEE_OTHER)
