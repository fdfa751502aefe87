"""Who is signed in, and the pages that they are shown: what every address of the console begins and ends with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput
from aver.core.principal import Principal
from aver.policy.access import Permission, allowed, check
from aver.server.application import Application, TenantServices
from aver.server.console.pages import MANY, Notices, problem_page, render
from aver.server.console.rooms import rooms_of, twin, twin_address
from aver.server.console.sessions import session_principal

__all__ = ["Page", "application_of", "entered", "room", "shown"]


class _SignedOut(AverError):
    """Nobody is signed in; answered with the sign-in page."""


class Page(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handler(request)
            except _SignedOut:
                return RedirectResponse(f"/sign-in{_coming_back(request)}", HTTPStatus.SEE_OTHER)
            except AverError as error:
                return problem_page(error)
            except RequestValidationError:
                return problem_page(
                    InvalidInput("This address is not understood", "Go back and follow the link again.")
                )

        return page


def application_of(request: Request) -> Application:
    application: Application = request.app.state.application
    return application


async def entered(request: Request, *permissions: Permission) -> tuple[Principal, TenantServices]:
    """Who is signed in, and their tenant's services. Raises :class:`~aver.core.errors.Forbidden` for those who have none of the
    permissions, by default of the one to ask."""
    principal = await session_principal(request)
    if principal is None:
        raise _SignedOut("You are not signed in", "Sign in.")
    check(principal, *permissions or ("ask",))
    return principal, await asyncio.to_thread(application_of(request).tenant, principal.tenant)


async def shown(
    request: Request, principal: Principal, template: str, /, *, status: int = HTTPStatus.OK, **context: Any
) -> Response:
    """A page for whoever is signed in, with what there is to say to them at its top."""
    notices = await asyncio.to_thread(_notices, application_of(request), principal)
    return render(template, status=status, notices=notices, **{"principal": principal, **context})


async def room(
    request: Request,
    principal: Principal,
    services: TenantServices,
    template: str,
    view: Any,
    *,
    status: int = HTTPStatus.OK,
) -> Response:
    """A page that extends ``room.html``, or its figures as JSON where the address says ``format=json``: the fields of ``view``, a frozen dataclass of data alone,
    which the template has as ``view`` beside ``place`` and ``principal``."""
    place = services.store.tenant.name
    return twin(request, view, status=status) or await shown(
        request, principal, template, status=status, view=view, place=place, twin=twin_address(request)
    )


def _notices(application: Application, principal: Principal) -> Notices:
    waiting = None
    if application.servings.any_agents():
        waiting = len(application.tenant(principal.tenant).approvals.pending(principal, MANY))
    mistakes = [each.cause for each in application.mistakes()] if principal.is_admin else []
    broken = application.api_keys.broken(principal.tenant) if allowed(principal, "oversee") else []
    generated = application.tenant(principal.tenant).generated
    return Notices(waiting, mistakes, broken, rooms_of(principal), generated)


def _coming_back(request: Request) -> str:
    """The query that names the address to come back to after signing in."""
    if request.method != "GET" or (request.url.path == "/" and not request.url.query):
        return ""
    return f"?{urlencode({'next': request.url.path + (f'?{request.url.query}' if request.url.query else '')})}"
