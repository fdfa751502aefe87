"""The addresses of the chat and of the Knowledge page. Every page is useful before any script runs; scripts load the same addresses in place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse

from aver.agents.acting import AgentConfig
from aver.core.errors import AverError, InvalidInput, NotFound, Unauthenticated
from aver.core.principal import Principal
from aver.server.application import Application, TenantServices
from aver.server.console.acting import pending
from aver.server.console.assets import asset
from aver.server.console.chat import chat
from aver.server.console.document import document_view
from aver.server.console.knowledge import knowledge
from aver.server.console.pages import problem_page, render
from aver.server.console.sessions import COOKIE, LIFETIME, Sessions, same_origin, session_principal
from aver.server.ordering import ASSISTANT

__all__ = ["router"]

_LONGEST_DRAFT = 16_000
_PATIENCE = 20.0
"""Seconds that a page waits for an agent."""
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_PICTURE = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOCAL = re.compile(r"/(?![/\\])[!-~]*")


class _SignedOut(AverError):
    """Nobody is signed in; answered with the sign-in page."""


class _Page(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handler(request)
            except _SignedOut:
                query = (
                    ""
                    if request.url.path == "/" and not request.url.query
                    else f"?{urlencode({'next': _here(request)})}"
                )
                return RedirectResponse(f"/sign-in{query}", HTTPStatus.SEE_OTHER)
            except AverError as error:
                return problem_page(error)
            except RequestValidationError:
                return problem_page(
                    InvalidInput("This address is not understood", "Go back and follow the link again.")
                )

        return page


router = APIRouter(route_class=_Page, include_in_schema=False)


@router.get("/")
async def conversation(
    request: Request,
    conversation: str = "",
    turn: str = "",
    open: str = "",  # noqa: A002 - the address reads ?open=1
) -> Response:
    principal, services = await _entered(request)
    agents = await asyncio.to_thread(_agents, request, services, principal)
    shown = await asyncio.to_thread(
        chat, services, principal, conversation=conversation, turn=turn, opened=open, agents=agents
    )
    return render("chat.html", chat=shown)


@router.post("/")
async def ask(
    request: Request,
    question: Annotated[str, Form()] = "",
    conversation: Annotated[str, Form()] = "",
    feature: Annotated[str, Form()] = ASSISTANT,
) -> Response:
    """Ask without scripts: the turn runs, then its address is shown. A question that fails stays in the box."""
    principal, services = await _entered(request)
    try:
        if feature == ASSISTANT:
            answer = await services.assistant.ask(principal, question, conversation or None)
            return _turn(answer.conversation, answer.turn)
        return await _begun(request, principal, services, feature, question, conversation or None)
    except AverError as error:
        agents = await asyncio.to_thread(_agents, request, services, principal)
        shown = await asyncio.to_thread(
            chat,
            services,
            principal,
            conversation=conversation,
            problem=error,
            draft=question[:_LONGEST_DRAFT],
            agents=agents,
            feature=feature,
        )
        return render("chat.html", status=error.status, chat=shown)


@router.get("/approvals")
async def approvals(request: Request) -> Response:
    """What waits for whoever is signed in."""
    principal, services = await _entered(request)
    return await _approvals(services, principal)


@router.post("/approvals/{approval}")
async def answer(request: Request, approval: str, answer: Annotated[str, Form()] = "") -> Response:
    """Approve a call, or refuse it; its turn goes on, and is shown to its asker once it rests."""
    principal, services = await _entered(request)
    try:
        turn = await asyncio.to_thread(_answer, services, principal, approval, answer)
    except AverError as error:
        return await _approvals(services, principal, error)
    await _rested(_application(request).runner.go_on(services, turn))
    try:
        outcome = await asyncio.to_thread(services.turns.outcome, principal, turn)
    except NotFound:  # another's
        return RedirectResponse("/approvals", HTTPStatus.SEE_OTHER)
    return _turn(outcome.conversation, turn)


@router.get("/documents/{document}")
async def document(
    request: Request,
    document: str,
    version: int | None = None,
    start: int = 0,
    end: int = 0,
    view: str = "",
    page: int = 0,
) -> Response:
    """A version, the span marked: in its text, or on the page of its file."""
    principal, services = await _entered(request)
    shown = await asyncio.to_thread(document_view, services, principal, document, version, start, end, view, page)
    return render("document.html", view=shown)


@router.get("/documents/{document}/versions/{version}/pages/{page}.png")
async def picture(request: Request, document: str, version: int, page: int) -> Response:
    """A page of the file that a version came from. It never changes, but whether it may be seen is asked each time."""
    principal, services = await _entered(request)
    headers = {**_PICTURE, "ETag": f'"{document}-{version}-{page}"'}
    kept = await asyncio.to_thread(services.knowledge.has_original, principal, document, version)
    if kept and request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    drawn = await asyncio.to_thread(services.knowledge.picture, principal, document, version, page)
    return Response(drawn, headers=headers, media_type="image/png")


@router.get("/knowledge")
async def sources(request: Request, source: str = "", sort: str = "", find: str = "", page: int = 1) -> Response:
    """Where the documents come from, and how that stands."""
    principal, services = await _entered(request)
    shown = await asyncio.to_thread(knowledge, services, principal, source=source, sort=sort, find=find, page=page)
    return render("source.html" if shown.opened else "knowledge.html", view=shown)


@router.get("/sign-in")
async def sign_in_page(next: str = "/") -> Response:  # noqa: A002 - the address reads ?next=
    return render("sign_in.html", next=_local(next), problem=None)


@router.post("/sign-in")
async def sign_in(request: Request, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
    """Begin a session with an API key."""
    _check_origin(request)
    sessions = Sessions(_application(request).store)
    try:
        cookie = await asyncio.to_thread(sessions.begin, key.strip())
    except Unauthenticated as error:
        return render("sign_in.html", status=error.status, next=_local(next), problem=error)
    response = RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    _check_origin(request)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@router.get("/static/{digest}/{name}")
async def static(digest: str, name: str) -> Response:  # noqa: ARG001 - the digest is there for caches
    found = asset(name)
    if found is None:
        raise NotFound("There is nothing at this address", "Go to the first page.")
    return Response(found.content, headers=_FOREVER, media_type=found.media_type)


async def _entered(request: Request) -> tuple[Principal, TenantServices]:
    """Who is signed in, and their tenant's services."""
    principal = await session_principal(request)
    if principal is None:
        raise _SignedOut("You are not signed in", "Sign in.")
    return principal, await asyncio.to_thread(_application(request).tenant, principal.tenant)


def _agents(request: Request, services: TenantServices, principal: Principal) -> Sequence[AgentConfig]:
    """The agents that somebody has. Blocking."""
    application = _application(request)
    return application.agents.offered(services, principal) if application.bundle().agents else ()


async def _begun(
    request: Request, principal: Principal, services: TenantServices, name: str, task: str, conversation: str | None
) -> Response:
    """Have an agent do something, and show how that stands once it rests or has taken a while."""
    application = _application(request)
    config = application.agents.find(services, principal, name)
    async with application.agents.acting(services, name) as acting:
        turn = await asyncio.to_thread(acting.begin, principal, task, conversation, config.output)
    await _rested(application.runner.go_on(services, turn))
    outcome = await asyncio.to_thread(services.turns.outcome, principal, turn)
    return _turn(outcome.conversation, turn)


async def _rested(going: asyncio.Task[Any]) -> None:
    """Wait until a turn has ended or waits, but not for ever: the page says that it is at work. What went wrong, its evidence says."""
    await asyncio.wait({going}, timeout=_PATIENCE)


def _answer(services: TenantServices, principal: Principal, approval: str, answer: str) -> str:
    match answer:
        case "approve":
            return services.approvals.approve(principal, approval)
        case "conversation":
            return services.approvals.approve(principal, approval, "conversation")
        case "refuse" | "never":
            return services.approvals.reject(principal, approval, never=answer == "never")
    raise InvalidInput("There is no such answer", "Approve the call, or refuse it.")


async def _approvals(services: TenantServices, principal: Principal, problem: AverError | None = None) -> Response:
    found = await asyncio.to_thread(pending, services, principal)
    given = {"place": services.store.tenant.name, "principal": principal, "approvals": found, "problem": problem}
    return render("approvals.html", status=problem.status if problem else HTTPStatus.OK, **given)


def _turn(conversation: str, turn: str) -> Response:
    """To the address of a turn."""
    query = urlencode({"conversation": conversation, "turn": turn})
    return RedirectResponse(f"/?{query}#{turn}", HTTPStatus.SEE_OTHER)


def _application(request: Request) -> Application:
    application: Application = request.app.state.application
    return application


def _check_origin(request: Request) -> None:
    if not same_origin(request):
        raise InvalidInput("The request came from another site", "Use the page of this server.")


def _here(request: Request) -> str:
    """The address to come back to after signing in."""
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _local(address: str) -> str:
    """``address`` when it lies on this site, else the first page: a sign-in link must not lead elsewhere."""
    return address if _LOCAL.fullmatch(address) else "/"
