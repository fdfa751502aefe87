"""Who calls: an API key in the ``Authorization`` header, or a session of the console's own pages, becomes a principal."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from aver.core.errors import Unauthenticated
from aver.core.principal import Principal
from aver.ops.mitigation.types import Actor as Doer
from aver.policy.access import Permission, check
from aver.server.application import Application, TenantServices
from aver.server.console.sessions import COOKIE, session_principal

__all__ = [
    "Actor",
    "Admin",
    "App",
    "Auditor",
    "Caller",
    "Giver",
    "Identified",
    "Inspector",
    "Needs",
    "Operator",
    "Overseer",
    "Provisioner",
    "Reader",
    "Releaser",
    "Services",
    "Triager",
    "Watcher",
    "actor_of",
    "application_of",
    "authenticate",
    "needs",
    "principal_of",
    "services_of",
]

_log = logging.getLogger("aver.identity")

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
    found = await asyncio.to_thread(application.store.authenticate, key)
    if found.reason:
        _log.warning("access by breaking the glass", extra={"tenant": found.tenant, "key": found.id})
    return found.principal


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


def actor_of(request: Request, principal: Principal) -> Doer:
    """``principal``, who makes the request, to be asked at each moment who they are by then: a key that is revoked and a session that is ended are nobody's."""
    application = application_of(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")

    def now() -> Principal:
        if scheme.lower() == "bearer":
            return application.store.authenticate(key.strip()).principal
        found = application.sessions.principal(request.cookies.get(COOKIE, ""))
        if found is None:
            raise Unauthenticated("The session has ended", "Sign in again.")
        return found

    return Doer(principal.user, now)


Identified = Annotated[Principal, Depends(principal_of)]
"""Whoever it is, whatever they may."""


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency: the caller, who has one of these permissions; :class:`~aver.core.errors.Forbidden` for anyone else."""

    permissions: tuple[Permission, ...]

    async def __call__(self, principal: Identified) -> Principal:
        check(principal, *self.permissions)
        return principal


def needs(*permissions: Permission) -> Needs:
    return Needs(permissions)


Caller = Annotated[Principal, Depends(needs("ask"))]
Reader = Annotated[Principal, Depends(needs("read"))]
Actor = Annotated[Principal, Depends(needs("act"))]
Overseer = Annotated[Principal, Depends(needs("oversee"))]
Watcher = Annotated[Principal, Depends(needs("read", "oversee"))]
Giver = Annotated[Principal, Depends(needs("ask", "models"))]
Triager = Annotated[Principal, Depends(needs("triage"))]
Releaser = Annotated[Principal, Depends(needs("release"))]
Operator = Annotated[Principal, Depends(needs("stop"))]
Admin = Annotated[Principal, Depends(needs("administer"))]
Auditor = Annotated[Principal, Depends(needs("audit"))]
Inspector = Annotated[Principal, Depends(needs("inspect"))]
Provisioner = Annotated[Principal, Depends(needs("provision"))]


async def services_of(application: App, principal: Identified) -> TenantServices:
    """The services of the caller's tenant."""
    return await asyncio.to_thread(application.tenant, principal.tenant)


Services = Annotated[TenantServices, Depends(services_of)]
