"""Signing in to the console, with an API key or through the organisation's identity provider, and out.

Between the two halves of a sign-in through a provider the browser holds a sealed note of what was asked: bound to the tenant, good for ten
minutes and for one completion. The session's cookie is kept from every request that another site begins, so the page that a provider leads
back to is a page of its own, from which the browser goes on.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput, NotFound, Unauthenticated
from aver.identity.provider import Asked
from aver.identity.signing_in import LIFETIME
from aver.identity.tokens import TokenRefused
from aver.server.application import Application
from aver.server.console.entry import Page, application_of
from aver.server.console.pages import render
from aver.server.console.sessions import COOKIE, clear_cookie, same_origin, set_cookie

__all__ = ["router"]

_NOTE = "aver_sign_in"
_PATH = "/sign-in"
_BYTES = 12
"""Of an AES-GCM nonce (NIST SP 800-38D, 5.2.1.1)."""
_LONGEST = 4000
"""Characters of a note worth opening."""
_LOCAL = re.compile(r"/(?![/\\])[!-~]*")
_CODE = re.compile(r"[a-z_]{1,40}")

router = APIRouter(route_class=Page, include_in_schema=False)


class _Note(NamedTuple):
    """What a browser that signs in holds: the tenant's id, what the provider was asked, and where to go then."""

    tenant: str
    asked: Asked
    after: str


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the address reads ?next=
    return await asyncio.to_thread(_page, application_of(request), _local(next))


@router.post("/sign-in")
async def sign_in(request: Request, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
    """Begin a session with an API key."""
    _check_origin(request)
    application, before = application_of(request), request.cookies.get(COOKIE, "")
    try:
        secret = await asyncio.to_thread(_with_key, application, key.strip(), before)
    except Unauthenticated as error:
        return await asyncio.to_thread(_page, application, _local(next), error)
    response = RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    set_cookie(request, response, secret)
    return response


@router.get("/sign-in/start")
async def start(request: Request, tenant: str = "", next: str = "/") -> Response:  # noqa: A002
    """Go to the identity provider of an organisation."""
    application = application_of(request)
    try:
        owner, address, asked = await asyncio.to_thread(_begun, application, tenant)
    except NotFound as error:
        return await asyncio.to_thread(_page, application, _local(next), error)
    response = render("going.html", address=address, place=urlsplit(address).hostname)
    note = await asyncio.to_thread(_sealed, application, _Note(owner, asked, _local(next)))
    response.set_cookie(
        _NOTE,
        note,
        max_age=int(LIFETIME.total_seconds()),
        path=_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sign-in/callback")
async def callback(request: Request, code: str = "", state: str = "", iss: str = "", error: str = "") -> Response:
    """Where the identity provider sends people back to."""
    application = application_of(request)
    try:
        note = await asyncio.to_thread(_opened, application, request.cookies.get(_NOTE, ""))
        if not hmac.compare_digest(state.encode(), note.asked.state.encode()):
            raise TokenRefused("The answer belongs to another sign-in")
        if error or not code:
            said = error if _CODE.fullmatch(error) else "no code"
            raise TokenRefused(f"The identity provider did not let you in ({said})")
        before = request.cookies.get(COOKIE, "")
        complete = application.signing_in.complete
        secret = await asyncio.to_thread(complete, note.tenant, note.asked, code, iss, before)
    except AverError as refused:
        response = await asyncio.to_thread(_page, application, "/", refused)
    else:
        response = render("going.html", address=note.after, place=None)
        set_cookie(request, response, secret)
    response.delete_cookie(_NOTE, path=_PATH, httponly=True, samesite="lax")
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    _check_origin(request)
    await asyncio.to_thread(application_of(request).sessions.end, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    clear_cookie(response)
    return response


def _with_key(application: Application, key: str, before: str) -> str:
    secret, _ = application.sessions.begin(key=key, before=before)
    application.api_keys.signed_in(application.store.authenticate(key))
    return secret


def _begun(application: Application, tenant: str) -> tuple[str, str, Asked]:
    """The id of the tenant called so, the address to go to, and what is asked there. One that does not exist is like one that has no
    provider."""
    declared = application.directory.declaring()
    found = [each for each in application.store.tenants() if each.id in declared and tenant in ("", each.id, each.name)]
    if len(found) != 1:
        raise NotFound("Nobody signs in to an organisation of this name here", "Check the name, or use an API key.")
    asked = Asked.new()
    return found[0].id, application.signing_in.provider(found[0].id).address(asked), asked


def _page(application: Application, after: str, problem: AverError | None = None) -> Response:
    declared = application.directory.declaring()
    only = urlsplit(next(iter(declared.values()))).hostname if len(declared) == 1 else None
    status = problem.status if problem else HTTPStatus.OK
    return render("sign_in.html", status=status, next=after, problem=problem, provider=only, providers=len(declared))


def _sealed(application: Application, note: _Note) -> str:
    asked = note.asked
    content = {
        "asked": [asked.state, asked.nonce, asked.verifier],
        "after": note.after[:1000],
        "ends": (application.clock.now() + LIFETIME).isoformat(),
    }
    nonce = secrets.token_bytes(_BYTES)
    sealed = _seal(application, note.tenant).encrypt(nonce, json.dumps(content).encode(), note.tenant.encode())
    return f"{note.tenant}.{urlsafe_b64encode(nonce + sealed).decode()}"


def _opened(application: Application, cookie: str) -> _Note:
    """Raises :class:`TokenRefused` for what is no note of this installation, or has ended."""
    tenant, _, encoded = cookie[:_LONGEST].partition(".")
    try:
        sealed = urlsafe_b64decode(encoded)
        content = json.loads(
            _seal(application, tenant).decrypt(sealed[:_BYTES], sealed[_BYTES:], tenant.encode("utf-8", "replace"))
        )
    except (ValueError, InvalidTag, NotFound):
        raise TokenRefused("This sign-in was not begun in this browser, or is over") from None
    if datetime.fromisoformat(content["ends"]) <= application.clock.now():
        raise TokenRefused("This sign-in took too long")
    return _Note(tenant, Asked(*content["asked"]), content["after"])


def _seal(application: Application, tenant: str) -> AESGCM:
    master = application.store.tenant(tenant).master_key()
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"aver console sign-in").derive(master))


def _check_origin(request: Request) -> None:
    if not same_origin(request):
        raise InvalidInput("The request came from another site", "Use the page of this server.")


def _local(address: str) -> str:
    """``address`` when it lies on this site, else the first page: a sign-in link must not lead elsewhere."""
    return address if _LOCAL.fullmatch(address) else "/"
