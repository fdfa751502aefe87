"""Which permission each route takes, said in the OpenAPI document by the very dependencies that ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from aver.server.http.auth import Needs
from aver.server.http.replies import problems

__all__ = ["NEEDS", "say_permissions"]

NEEDS = "x-aver-needs"
"""The field of an operation that lists permissions, of which one is enough."""


def say_permissions(app: FastAPI, document: dict[str, Any], doors: Mapping[str, str]) -> dict[str, Any]:
    """``document`` with the permissions of every operation, and the status of those who lack them. ``doors`` are those of the addresses that
    are no routes of ``app``."""
    for route in _routes(app.routes):
        if route.path_format in document["paths"]:
            needed = [each for needs in _needs(route.dependant) for each in needs.permissions]
            for method in route.methods or ():
                _say(document["paths"][route.path_format][method.lower()], needed)
    for path, permission in doors.items():
        for operation in document["paths"].get(path, {}).values():
            if NEEDS not in operation:  # which a route at the same address has said itself
                _say(operation, [permission])
    return document


def _routes(routes: Sequence[Any]) -> Iterator[APIRoute]:
    """The routes of the API, those of routers within routers included."""
    for each in routes:
        if isinstance(each, APIRoute):
            yield each
        elif (inner := getattr(each, "original_router", None)) is not None:
            yield from _routes(inner.routes)


def _say(operation: dict[str, Any], needed: Sequence[str]) -> None:
    if needed:
        operation[NEEDS] = list(needed)
        forbidden = problems(403)[403]
        problem = {key: value for key, value in forbidden.items() if key != "model"}
        operation["responses"].setdefault("403", problem)


def _needs(dependant: Dependant) -> Iterator[Needs]:
    if isinstance(dependant.call, Needs):
        yield dependant.call
    for each in dependant.dependencies:
        yield from _needs(each)
