"""Every failure over HTTP as RFC 9457 problem details, or in OpenAI's shape where OpenAI's clients call.

A failure is an :class:`~aver.core.errors.AverError` or becomes one here; what is not understood becomes an
:class:`Internal` that says nothing but the id under which the log has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from aver.core.errors import AverError, InvalidInput, NotFound, TooLarge, Unauthenticated
from aver.server.http.streams import CallerGone
from aver.server.wire import to_json

__all__ = [
    "Internal",
    "MethodNotAllowed",
    "OpenAIError",
    "Problem",
    "install_error_handlers",
    "openai_error",
    "problem_response",
]

_OPENAI_PATHS = ("/v1/chat/", "/v1/models")
_CLIENT_CLOSED = 499
"""Nobody reads it but the log: nginx's status for a caller who did not wait for the answer."""
_OPENAI_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


class Malformed(AverError):
    slug, status = "malformed-request", 400


class MethodNotAllowed(AverError):
    slug, status = "method-not-allowed", 405


class Internal(AverError):
    """An error nobody understood yet; ``incident`` finds it in the server's log."""

    slug, status = "internal-error", 500

    def __init__(self, incident: str) -> None:
        super().__init__(
            "The server met an error it did not expect",
            f"Retry once; if it happens again, ask the operator for {incident} in the server's log.",
        )
        self.incident = incident


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


class _OpenAIErrorBody(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(BaseModel):
    """The error shape that OpenAI's clients read."""

    error: _OpenAIErrorBody


class _InvalidFields(InvalidInput):
    """A request whose fields are wrong, with each of them named. What was sent is not repeated."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(f"{first['field']}: {first['detail']}", "Send what /openapi.json describes for this path.")
        self.errors = errors

    def problem(self) -> dict[str, object]:
        return {**super().problem(), "errors": self.errors}


def problem_response(request: Request, error: AverError, headers: Mapping[str, str] | None = None) -> Response:
    """``error`` in the shape that callers of this path expect."""
    sent = dict(headers or {})
    if isinstance(error, Unauthenticated):
        sent["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith(_OPENAI_PATHS):
        return Response(to_json(openai_error(error)), error.status, sent, "application/json")
    return Response(to_json(error.problem()), error.status, sent, "application/problem+json")


def openai_error(error: AverError) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    return {"error": {"message": str(error), "type": kind, "param": None, "code": error.slug.replace("-", "_")}}


def install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(AverError)
    async def understood(request: Request, error: AverError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        return problem_response(request, _of_status(error.status_code), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request, _of_fields(error))

    @app.exception_handler(CallerGone)
    async def gone(_request: Request, _error: CallerGone) -> Response:
        return Response(status_code=_CLIENT_CLOSED)


def _of_status(status: int) -> AverError:
    if status == 404:
        return NotFound("There is nothing at this address", "See /openapi.json for every address and its methods.")
    if status == 405:
        return MethodNotAllowed("This address does not take this method", "Use a method that the Allow header names.")
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
