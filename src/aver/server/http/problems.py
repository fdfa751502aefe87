"""Every failure over HTTP as RFC 9457 problem details.

A failure is an :class:`~aver.core.errors.AverError` or becomes one here; what is not understood becomes an
:class:`~aver.server.failures.Internal` that says nothing but the id under which the log has it.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from aver.core.errors import AverError, InvalidInput, NotFound, TooLarge, Unauthenticated
from aver.server.failures import Malformed, MethodNotAllowed
from aver.server.http.streams import CallerGone
from aver.server.wire import to_json

__all__ = [
    "Problem",
    "install_error_handlers",
    "problem_response",
]

_CLIENT_CLOSED = 499
"""Nobody reads it but the log: nginx's status for a caller who did not wait for the answer."""


class FieldProblem(BaseModel):
    field: str = Field(examples=["question"])
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details, as ``application/problem+json``."""

    type: str = Field(examples=["urn:aver:problem:not-found"])
    title: str
    status: int
    detail: str
    next_step: str
    errors: list[FieldProblem] = Field(default=[], description="Which fields of the request are wrong, if any.")


class _InvalidFields(InvalidInput):
    """A request whose fields are wrong, with each of them named. What was sent is not repeated."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: {first['detail']}", "Send what /openapi.json describes for this path.")
        self.errors = errors

    def problem(self) -> dict[str, object]:
        return {**super().problem(), "errors": self.errors}


def problem_response(error: AverError, headers: Mapping[str, str] | None = None) -> Response:
    """``error`` as problem details."""
    sent = dict(headers or {})
    if isinstance(error, Unauthenticated):
        sent["WWW-Authenticate"] = "Bearer"
    return Response(to_json(error.problem()), error.status, sent, "application/problem+json")


def install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(AverError)
    async def understood(_request: Request, error: AverError) -> Response:
        return problem_response(error)

    @app.exception_handler(HTTPException)
    async def framework(_request: Request, error: HTTPException) -> Response:
        return problem_response(_of_status(error.status_code), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem_response(_of_fields(error))

    @app.exception_handler(CallerGone)
    async def gone(_request: Request, _error: CallerGone) -> Response:
        return Response(status_code=_CLIENT_CLOSED)


def _of_status(status: int) -> AverError:
    if status == 404:
        return NotFound("There is nothing at this address", "See /openapi.json for every address and its methods.")
    if status == 405:
        return MethodNotAllowed()
    if status == 413:
        return TooLarge("The request's body is over this server's limit", "Send less.")
    return Malformed("The body of the request cannot be read as JSON", "Send UTF-8 JSON, not deeply nested.")


def _of_fields(error: RequestValidationError) -> AverError:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return _of_status(400)
    return _InvalidFields([{"field": _field(item["loc"]), "detail": str(item["msg"])} for item in found])


def _field(location: tuple[int | str, ...]) -> str:
    """``("body", "messages", 0, "role")`` as ``messages.0.role``."""
    inner = location[1:] if location[:1] in {("body",), ("query",), ("path",), ("header",)} else location
    return ".".join(map(str, inner)) or "body"
