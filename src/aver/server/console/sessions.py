"""The console's cookie, and who a request of a browser stands for."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from fastapi import Request, Response

from aver.core.principal import Principal

__all__ = ["COOKIE", "clear_cookie", "same_origin", "session_principal", "set_cookie"]

COOKIE = "aver_session"


async def session_principal(request: Request) -> Principal | None:
    """Whom the session of a request stands for. ``None`` without a valid one, and for a request that is not a plain read
    and was not made by this site's own pages: a cookie travels along wherever a request comes from."""
    cookie = request.cookies.get(COOKIE)
    if not cookie or (request.method not in ("GET", "HEAD") and not same_origin(request)):
        return None
    return await asyncio.to_thread(request.app.state.application.sessions.principal, cookie)


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Let the browser have a session until it is closed; how long it lasts at most is kept here."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, secret, path="/", secure=secure, httponly=True, samesite="strict")


def clear_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def same_origin(request: Request) -> bool:
    """Whether a browser says that a page of this very site made the request.

    ``Sec-Fetch-Site`` decides where it is sent; browsers leave it out over plain HTTP to other machines, and then ``Origin``
    has to name the host that was called. A request with neither is refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")
