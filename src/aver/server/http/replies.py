"""Successful answers, and how failures are described in the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Response

from aver.server.http.problems import Problem
from aver.server.wire import to_json

__all__ = ["problems", "reply"]


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
