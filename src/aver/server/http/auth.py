"""Who calls: an API key in the ``Authorization`` header, or a session of the console's own pages, becomes a principal."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from aver.core.errors import Unauthenticated
from aver.core.principal import Principal
from aver.server.application import Application, TenantServices
from aver.server.console.sessions import session_principal
from aver.server.failures import NotAdmin

__all__ = ["Admin", "App", "Caller", "Services", "application_of", "authenticate", "principal_of", "services_of"]

_bearer = HTTPBearer(
    scheme_name="API key",
    description="A key made with `aver keys create`, bound to one tenant, user and groups.",
    auto_error=False,
)


def application_of(request: Request) -> Application:
    """The application this server serves."""
    application: Application = request.app.state.application
    return application


App = Annotated[Application, Depends(application_of)]


async def authenticate(application: Application, key: str) -> Principal:
    """The principal an API key stands for; :class:`Unauthenticated` when it stands for none."""
    return (await asyncio.to_thread(application.store.authenticate, key)).principal


async def principal_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """Whoever the request speaks for; :class:`Unauthenticated` when nobody. A key that is sent decides alone."""
    if credentials is not None:
        return await authenticate(application_of(request), credentials.credentials)
    principal = await session_principal(request)
    if principal is None:
        raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
    return principal


Caller = Annotated[Principal, Depends(principal_of)]


async def admin_of(principal: Caller) -> Principal:
    """The caller, who keeps the installation; :class:`NotAdmin` for anyone else."""
    if not principal.is_admin:
        raise NotAdmin
    return principal


Admin = Annotated[Principal, Depends(admin_of)]


async def services_of(application: App, principal: Caller) -> TenantServices:
    """The services of the caller's tenant."""
    return await asyncio.to_thread(application.tenant, principal.tenant)


Services = Annotated[TenantServices, Depends(services_of)]
