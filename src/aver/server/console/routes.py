"""The addresses of the chat and of the Knowledge page. Every page is useful before any script runs; scripts load the same addresses in place."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, NotFound
from aver.governance.acknowledging import MustAcknowledge
from aver.policy.access import allowed
from aver.server.acting import offered
from aver.server.console.admin_routes import router as admin
from aver.server.console.approving import begun, to_turn
from aver.server.console.approving import router as approving
from aver.server.console.assets import asset
from aver.server.console.audit_routes import router as audits
from aver.server.console.chat import chat
from aver.server.console.document import document_view
from aver.server.console.entry import Page, application_of, entered, shown
from aver.server.console.evals_routes import router as evals
from aver.server.console.feedback_routes import router as feedback
from aver.server.console.gateway import router as gateway
from aver.server.console.incidents_routes import router as incidents
from aver.server.console.knowledge import knowledge
from aver.server.console.overview_routes import router as overviews
from aver.server.console.releases_routes import router as releases
from aver.server.console.rooms import ROOMS, rooms_of, twin
from aver.server.console.safety import router as safety
from aver.server.console.signing_in import router as signing_in
from aver.server.console.turns_routes import router as turns
from aver.server.ordering import ASSISTANT

__all__ = ["router"]

_LONGEST_DRAFT = 16_000
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_PICTURE = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


router = APIRouter(route_class=Page, include_in_schema=False)
router.include_router(admin)
router.include_router(approving)
router.include_router(audits)
router.include_router(evals)
router.include_router(gateway)
router.include_router(incidents)
router.include_router(releases)
router.include_router(safety)
router.include_router(signing_in)
router.include_router(turns)
router.include_router(feedback)
router.include_router(overviews)


@router.get("/")
async def conversation(
    request: Request,
    conversation: str = "",
    turn: str = "",
    open: str = "",  # noqa: A002 - the address reads ?open=1
) -> Response:
    principal, services = await entered(request, "ask", *{each for room in ROOMS for each in room.permissions})
    if not allowed(principal, "ask"):  # such as an auditor, who asks nothing
        return RedirectResponse(rooms_of(principal)[0].address, HTTPStatus.SEE_OTHER)
    if not conversation:
        try:
            await asyncio.to_thread(services.require_agreement, principal)
        except MustAcknowledge:
            return RedirectResponse("/acceptable-use", HTTPStatus.SEE_OTHER)
    agents = await offered(application_of(request), services, principal)
    view = await asyncio.to_thread(
        chat, services, principal, conversation=conversation, turn=turn, opened=open, agents=agents
    )
    return await shown(request, principal, "chat.html", chat=view)


@router.post("/")
async def ask(
    request: Request,
    question: Annotated[str, Form()] = "",
    conversation: Annotated[str, Form()] = "",
    feature: Annotated[str, Form()] = ASSISTANT,
) -> Response:
    """Ask without scripts: the turn runs, then its address is shown. A question that fails stays in the box."""
    principal, services = await entered(request)
    try:
        await asyncio.to_thread(services.require_agreement, principal)
        if feature == ASSISTANT:
            answer = await services.assistant.ask(principal, question, conversation or None)
            return to_turn(answer.conversation, answer.turn)
        return await begun(request, principal, services, feature, question, conversation or None)
    except AverError as error:
        agents = await offered(application_of(request), services, principal)
        view = await asyncio.to_thread(
            chat,
            services,
            principal,
            conversation=conversation,
            problem=error,
            draft=question[:_LONGEST_DRAFT],
            agents=agents,
            feature=feature,
        )
        return await shown(request, principal, "chat.html", status=error.status, chat=view)


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
    principal, services = await entered(request, "read")
    opened = await asyncio.to_thread(document_view, services, principal, document, version, start, end, view, page)
    services.read_by(principal, "document", "console", [(document, opened.document.version)])
    return await shown(request, principal, "document.html", view=opened)


@router.get("/documents/{document}/versions/{version}/pages/{page}.png")
async def picture(request: Request, document: str, version: int, page: int) -> Response:
    """A page of the file that a version came from. It never changes, but whether it may be seen is asked each time."""
    principal, services = await entered(request, "read")
    headers = {**_PICTURE, "ETag": f'"{document}-{version}-{page}"'}
    kept = await asyncio.to_thread(services.knowledge.has_original, principal, document, version)
    if kept and request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    drawn = await asyncio.to_thread(services.knowledge.picture, principal, document, version, page)
    services.read_by(principal, "picture", "console", [(document, version)])
    return Response(drawn, headers=headers, media_type="image/png")


@router.get("/knowledge")
async def sources(request: Request, source: str = "", sort: str = "", find: str = "", page: int = 1) -> Response:
    """Where the documents come from, and how that stands."""
    principal, services = await entered(request, "read", "oversee")
    view = await asyncio.to_thread(knowledge, services, principal, source=source, sort=sort, find=find, page=page)
    figures = {"sources": view.sources, "checks": view.checks, "shelf": view.shelf}
    return twin(request, figures) or await shown(
        request, principal, "source.html" if view.opened else "knowledge.html", view=view
    )


@router.get("/static/{digest}/{name}")
async def static(digest: str, name: str) -> Response:  # noqa: ARG001 - the digest is there for caches
    found = asset(name)
    if found is None:
        raise NotFound("There is nothing at this address", "Go to the first page.")
    return Response(found.content, headers=_FOREVER, media_type=found.media_type)
