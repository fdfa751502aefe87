"""The addresses of the Evals page: reading, and saying what is right for a case, as ``aver dataset label`` does."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from aver.core.errors import AverError, InvalidInput
from aver.core.principal import Principal
from aver.evals.labelling.labels import labelled
from aver.evals.labelling.queue import Queue
from aver.server.application import TenantServices
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.evals import evals
from aver.server.console.rooms import address

__all__ = ["router"]

router = APIRouter(route_class=Page, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/evals")
async def page(
    request: Request,
    suite: str = "",
    run: str = "",
    before: str = "",
    after: str = "",
    case: str = "",
    older: int | None = None,
) -> Response:
    """Labelled sets, what runs of them measured, and what waits for labels."""
    principal, services = await entered(request, "oversee")
    look = partial(evals, suite=suite, run=run, before=before, after=after, case=case, older=older)
    view = await asyncio.to_thread(look, application_of(request), services, principal)
    return await room(request, principal, services, "evals.html", view)


@router.post("/evals/cases/{case}")
async def label(
    request: Request,
    case: str,
    kind: Text = "",
    documents: Text = "",
    answers: Text = "",
    expected: Text = "",
    grade: Text = "",
    settles: Text = "",
) -> Response:
    """Say what is right for a case of the queue; the last word of each person counts."""
    principal, services = await entered(request, "triage")
    said = {"documents": _lines(documents), "answers": _lines(answers), "expected": expected.strip()}
    try:
        following = await asyncio.to_thread(
            _label, services, principal, case, kind, said, grade.strip(), settles=bool(settles)
        )
    except AverError as error:
        look = partial(evals, problem=error, case=case if error.status != HTTPStatus.NOT_FOUND else "")
        view = await asyncio.to_thread(look, application_of(request), services, principal)
        return await room(request, principal, services, "evals.html", view, status=error.status)
    return RedirectResponse(following, HTTPStatus.SEE_OTHER)


def _label(
    services: TenantServices,
    principal: Principal,
    case: str,
    kind: str,
    said: dict[str, Any],
    grade: str,
    *,
    settles: bool,
) -> str:
    """Keep it; the address to go on at."""
    match kind:
        case "answerable":
            says = {name: value for name, value in said.items() if value}
            if "documents" not in says and "answers" not in says and "expected" not in says:
                raise InvalidInput("The label names nothing that answers it", "Name a document, or words of an answer.")
        case "unanswerable" | "refuse":
            says = {kind: True}
        case "graded":
            says = {}
        case _:
            raise InvalidInput("It is not said what the case is", "Choose one of the four.")
    given = {**says, "case": case, "labeller": principal.user, "settles": settles}
    if grade:
        given["grade"] = _number(grade)
    queue = Queue(services.store, services.ledger)
    queue.label([labelled("The label", given)])
    return f"{address('/evals', case=case)}#case"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{text[:20]!r} is no grade", "Write a number from 0 to 1.") from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
