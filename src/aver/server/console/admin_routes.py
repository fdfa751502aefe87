"""The addresses of the Admin page and of the rules of use. What is changed goes through the services that HTTP's routes use; requests that change something
come from the console's own pages, as everywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, cast, get_args

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput
from aver.core.principal import Principal
from aver.policy.access import Permission
from aver.server import administering
from aver.server.application import Application, TenantServices
from aver.server.console.admin import Given, admin
from aver.server.console.entry import Page, application_of, entered, room, shown
from aver.server.console.rooms import address
from aver.server.persons import end_session
from aver.server.switching import throw_switch
from aver.store import SwitchKind

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)

_LOOKING: tuple[Permission, ...] = ("oversee", "audit", "administer")
_MOST_DAYS = 3660
Words = Annotated[str, Form(max_length=2000)]
Names = Annotated[list[str], Form()]


@router.get("/admin")
async def page(request: Request, part: str = "", find: str = "", page: int = 1, done: str = "") -> Response:
    """Who may what here, what is kept, held and stopped."""
    principal, services = await entered(request, *_LOOKING)
    application = application_of(request)
    view = await asyncio.to_thread(
        admin, application, services, principal, part, find=find, page=page, done=_DONE.get(done, "")
    )
    return await room(request, principal, services, "admin.html", view)


@router.post("/admin/people")
async def add(
    request: Request,
    user: Words = "",
    name: Words = "",
    kind: Words = "person",
    role: Names = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    def added(application: Application, principal: Principal, _: TenantServices) -> None:
        if kind not in ("person", "service"):
            raise InvalidInput("There is no such kind of account", "Choose a person or a service account.")
        administering.add_person(
            application,
            principal,
            user.strip(),
            "service" if kind == "service" else "person",
            name=name.strip(),
            roles=role,
        )

    return await _changed(request, "people", "administer", added, "added")


@router.post("/admin/people/{person}/roles")
async def grant(request: Request, person: str, role: Names = []) -> Response:  # noqa: B006 - FastAPI copies it
    def granted(application: Application, principal: Principal, _: TenantServices) -> None:
        administering.grant_roles(application, principal, person, role)

    return await _changed(request, "people", "administer", granted, "granted")


@router.post("/admin/people/{person}/active")
async def activate(request: Request, person: str, active: Words = "") -> Response:
    def saved(application: Application, principal: Principal, _: TenantServices) -> None:
        administering.set_active(application, principal, person, active == "yes")

    return await _changed(request, "people", "administer", saved, "activated" if active == "yes" else "deactivated")


@router.post("/admin/people/{person}/erase")
async def erase(request: Request, person: str) -> Response:
    """For good. The receipt is on the page that follows, this once."""
    principal, services = await entered(request, "administer")
    application = application_of(request)

    def erased() -> Given:
        user = application.directory.person(principal.tenant, person).user
        receipt = administering.erase_user(application, principal, user)
        return Given("receipt", json.dumps(receipt, indent=1), user)

    return await _given(request, principal, services, "people", erased)


@router.post("/admin/keys")
async def create_key(
    request: Request,
    user: Words = "",
    days: Annotated[str, Form(max_length=10)] = "",
    scope: Names = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The secret is on the page that follows, this once."""
    principal, services = await entered(request, "administer")
    application = application_of(request)

    def made() -> Given:
        key, secret = administering.create_key(application, principal, user, scopes=scope, days=_days(days))
        return Given("key", secret, f"{key.id}, for {key.user}")

    return await _given(request, principal, services, "keys", made)


@router.post("/admin/keys/{key}/rotate")
async def rotate_key(request: Request, key: str, overlap: Annotated[str, Form(max_length=10)] = "24") -> Response:
    principal, services = await entered(request, "administer")
    application = application_of(request)

    def made() -> Given:
        hours = _number(overlap, 720)
        new, secret = administering.rotate_key(application, principal, key, hours)
        return Given("key", secret, f"{new.id}, for {new.user}; the key before it ends in {hours:g} hours")

    return await _given(request, principal, services, "keys", made)


@router.post("/admin/keys/{key}/revoke")
async def revoke_key(request: Request, key: str) -> Response:
    def revoked(application: Application, principal: Principal, _: TenantServices) -> None:
        administering.revoke_key(application, principal, key)

    return await _changed(request, "keys", "administer", revoked, "revoked")


@router.post("/admin/sessions/{session}/end")
async def end(request: Request, session: str) -> Response:
    def ended(application: Application, principal: Principal, _: TenantServices) -> None:
        end_session(application, principal.tenant, session, principal.user)

    return await _changed(request, "sessions", "administer", ended, "ended")


@router.post("/admin/switches")
async def throw(request: Request, kind: Words = "", name: Words = "", reason: Words = "") -> Response:
    def thrown(application: Application, principal: Principal, _: TenantServices) -> None:
        if kind not in get_args(SwitchKind) or kind == "installation":
            raise InvalidInput(
                "There is nothing of this kind to stop here", "Choose a tool, a feature, a model or the tenant."
            )
        throw_switch(
            application,
            cast(SwitchKind, kind),
            name.strip(),
            principal.tenant,
            reason=reason.strip(),
            by=principal.user,
        )

    return await _changed(request, "switches", "stop", thrown, "stopped")


@router.post("/admin/switches/{switch}/lift")
async def lift(request: Request, switch: str) -> Response:
    def lifted(application: Application, principal: Principal, _: TenantServices) -> None:
        administering.lift(application, principal, switch)

    return await _changed(request, "switches", "stop", lifted, "lifted")


@router.post("/admin/holds")
async def place(
    request: Request, matter: Words = "", reason: Words = "", users: Words = "", documents: Words = ""
) -> Response:
    def placed(_: Application, principal: Principal, services: TenantServices) -> None:
        services.governance.holds.place(
            matter, reason, users=_lines(users), documents=_lines(documents), by=principal.user
        )

    return await _changed(request, "retention", "administer", placed, "held")


@router.post("/admin/holds/{hold}/release")
async def release(request: Request, hold: str, reason: Words = "") -> Response:
    def released(_: Application, principal: Principal, services: TenantServices) -> None:
        services.governance.holds.release(hold, reason, by=principal.user)

    return await _changed(request, "retention", "administer", released, "released")


@router.post("/admin/retention")
async def apply(request: Request) -> Response:
    def applied(_: Application, __: Principal, services: TenantServices) -> None:
        services.governance.retention.apply()

    return await _changed(request, "retention", "administer", applied, "applied")


@router.get("/acceptable-use")
async def rules(request: Request) -> Response:
    """What people agree to before they ask."""
    principal, services = await entered(request)
    use = services.governance.use
    terms, stands = await asyncio.to_thread(lambda: (use.terms, use.of(principal.user)))
    place = services.store.tenant.name
    return await shown(request, principal, "acceptable_use.html", terms=terms, stands=stands, place=place)


@router.post("/acceptable-use")
async def agree(request: Request, digest: Annotated[str, Form(max_length=64)] = "") -> Response:
    principal, services = await entered(request)
    await asyncio.to_thread(services.governance.use.acknowledge, principal, digest)
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


_Change = Callable[[Application, Principal, TenantServices], None]
_DONE = {
    "added": "They are in the tenant now.",
    "granted": "The roles are as you chose, everywhere within a second.",
    "activated": "They may act again.",
    "deactivated": "Nothing of theirs opens anything any more, everywhere within a second.",
    "revoked": "The key opens nothing any more.",
    "ended": "The session has ended.",
    "stopped": "It is stopped, everywhere within a second.",
    "lifted": "It goes on.",
    "held": "The hold is placed: nothing that it names goes.",
    "released": "The hold is released: retention and erasure go on.",
    "applied": "What was due has gone.",
}


async def _changed(request: Request, part: str, needed: Permission, change: _Change, done: str) -> Response:
    """Make a change, then show the part that it is of; or that part with what kept it from being made."""
    principal, services = await entered(request, needed)
    application = application_of(request)
    try:
        await asyncio.to_thread(change, application, principal, services)
    except AverError as error:
        view = await asyncio.to_thread(admin, application, services, principal, part, problem=error)
        return await room(request, principal, services, "admin.html", view, status=HTTPStatus(error.status))
    return RedirectResponse(address("/admin", part=part, done=done), HTTPStatus.SEE_OTHER)


async def _given(
    request: Request, principal: Principal, services: TenantServices, part: str, make: Callable[[], Given]
) -> Response:
    """Make something and show it, this once: no address leads back to it."""
    application = application_of(request)
    given, problem = None, None
    try:
        given = await asyncio.to_thread(make)
    except AverError as error:
        problem = error
    view = await asyncio.to_thread(admin, application, services, principal, part, given=given, problem=problem)
    status = HTTPStatus(problem.status) if problem else HTTPStatus.OK
    return await room(request, principal, services, "admin.html", view, status=status)


def _days(text: str) -> float | None:
    return _number(text, _MOST_DAYS) if text.strip() else None


def _number(text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise InvalidInput(f"{text[:20]!r} is no number from 0 to {most:g}", "Correct it.")
    return number


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
