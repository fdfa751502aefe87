"""Who calls: an API key in the ``Authorization`` header becomes a principal. There is no other authority on these routes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from aver.core.errors import Unauthenticated
from aver.core.principal import Principal
from aver.server.application import Application, TenantServices

__all__ = ["App", "Caller", "Services", "application_of", "authenticate", "principal_of", "services_of"]

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
    return await asyncio.to_thread(application.store.authenticate, key)


async def principal_of(
    application: App, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    if credentials is None:
        raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
    return await authenticate(application, credentials.credentials)


Caller = Annotated[Principal, Depends(principal_of)]


async def services_of(application: App, principal: Caller) -> TenantServices:
    """The services of the caller's tenant."""
    return await asyncio.to_thread(application.tenant, principal.tenant)


Services = Annotated[TenantServices, Depends(services_of)]
