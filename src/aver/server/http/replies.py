"""Successful answers, and how failures are described in the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Response

from aver.server.http.problems import Problem
from aver.server.wire import to_json

__all__ = ["problems", "reply", "say_refused"]


def reply(value: Any, status: int = 200) -> Response:
    """``value`` as the JSON that the command line prints too."""
    return Response(to_json(value), status, media_type="application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for failures; ``500`` is always one of them."""
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, 500})
    }


def say_refused(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with what every operation answers to bytes that are no JSON, where it takes a body, and to values that are none of its own."""
    refused = {key: value for key, value in problems(400)[400].items() if key != "model"}
    for methods in document["paths"].values():
        for operation in methods.values():
            responses = operation["responses"]
            if "requestBody" in operation:
                responses.setdefault("400", refused)
            if "HTTPValidationError" in str(responses.get("422")):  # FastAPI's own, which is never sent
                responses["422"] = {**refused, "description": HTTPStatus(422).phrase}
    return document
